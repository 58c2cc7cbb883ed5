// The slim Namespace: its labels, by which policies choose namespaces.

import { Field } from './slim-field.ts';
import { readMeta, type SlimMeta } from './slim-meta.ts';

/** A namespace; `labels` always hold its name (`kubernetes.io/metadata.name`), as the API server writes it. */
export type Namespace = SlimMeta;

/** The label by which namespaces can always be selected. */
export const NAMESPACE_NAME_LABEL = 'kubernetes.io/metadata.name';

/** Reads a v1 Namespace; throws `invalid` naming the field. */
export function parseNamespace(raw: unknown): Namespace {
  const meta = readMeta(Field.root('Namespace', raw));
  if (meta.labels.get(NAMESPACE_NAME_LABEL) === meta.name) return meta;
  return { ...meta, labels: new Map([...meta.labels, [NAMESPACE_NAME_LABEL, meta.name]]) };
}
