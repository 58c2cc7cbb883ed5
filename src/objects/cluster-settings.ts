// What a cluster's operator sets while it runs: the ConfigMap kube-system/fairlead. Absent keys leave the default.

import { Field } from './slim-field.ts';
import { objectKey, readMeta, type SlimMeta } from './slim-meta.ts';

export const CLUSTER_SETTINGS = { namespace: 'kube-system', name: 'fairlead' } as const;

export const CLUSTER_SETTINGS_KEY = objectKey(CLUSTER_SETTINGS);

export interface ClusterSettings extends SlimMeta {
  /** `data.proxy`: the Service backend by its name, known or not. */
  readonly proxy: string | undefined;
  /** `data.policy`: the policy backend by its name, known or not. */
  readonly policy: string | undefined;
  /** `data.ipvsScheduler`: how IPVS balances Services that do not say it themselves; a scheduler by its name, known or not. */
  readonly ipvsScheduler: string | undefined;
  /** `data.xdp`: "native" carries flows of outside clients in the drivers of the uplinks, "off" does not; another word is to be complained of. */
  readonly xdp: string | undefined;
}

/** Words for `data.xdp`. */
export const XDP_MODES = ['off', 'native'] as const;

export type XdpMode = (typeof XDP_MODES)[number];

/** Undefined for a word that is none. */
export function readXdpMode(text: string | undefined): XdpMode | undefined {
  return XDP_MODES.find((it) => it === (text ?? 'off'));
}

/** Reads a v1 ConfigMap; throws `invalid` naming the field. */
export function parseClusterSettings(raw: unknown): ClusterSettings {
  const root = Field.root('ConfigMap', raw);
  return {
    ...readMeta(root),
    proxy: readSetting(root, 'proxy'),
    policy: readSetting(root, 'policy'),
    ipvsScheduler: readSetting(root, 'ipvsScheduler'),
    xdp: readSetting(root, 'xdp'),
  };
}

function readSetting(root: Field, key: string): string | undefined {
  const text = root.at(`data.${key}`).optionalText()?.trim();
  return text === '' ? undefined : text;
}
