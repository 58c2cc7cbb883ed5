// The Corefile of a cluster that comes from CoreDNS: the ConfigMap kube-system/coredns, read where it is there.

import { Field } from './slim-field.ts';
import { objectKey, readMeta, type SlimMeta } from './slim-meta.ts';

export const COREFILE = { namespace: 'kube-system', name: 'coredns' } as const;

export const COREFILE_KEY = objectKey(COREFILE);

export interface Corefile extends SlimMeta {
  /** `data.Corefile`; undefined where it is absent or empty. */
  readonly text: string | undefined;
}

/** Reads a v1 ConfigMap; throws `invalid` naming the field. */
export function parseCorefileMap(raw: unknown): Corefile {
  const root = Field.root('ConfigMap', raw);
  const text = root.at('data.Corefile').optionalText();
  return { ...readMeta(root), text: text?.trim() === '' ? undefined : text };
}
