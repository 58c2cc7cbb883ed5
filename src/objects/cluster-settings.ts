// What a cluster's operator sets while it runs: the ConfigMap kube-system/fairlead. Absent keys leave the default.

import { Field } from './slim-field.ts';
import { objectKey, readMeta, type SlimMeta } from './slim-meta.ts';

export const CLUSTER_SETTINGS = { namespace: 'kube-system', name: 'fairlead' } as const;

export const CLUSTER_SETTINGS_KEY = objectKey(CLUSTER_SETTINGS);

export interface ClusterSettings extends SlimMeta {
  /** `data.proxy`: the Service backend by its name, known or not. */
  readonly proxy: string | undefined;
}

/** Reads a v1 ConfigMap; throws `invalid` naming the field. */
export function parseClusterSettings(raw: unknown): ClusterSettings {
  const root = Field.root('ConfigMap', raw);
  const proxy = root.at('data.proxy').optionalText()?.trim();
  return { ...readMeta(root), proxy: proxy === '' ? undefined : proxy };
}
