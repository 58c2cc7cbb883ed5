// Identities: fairlead.dev/v1alpha1 Identity, one for each set of labels that pods of a namespace share, the same number on every node.
// The number travels with packets, so that a node can judge a pod that it has not heard of.

import { FairleadError } from '../base/errors.ts';
import type { KubeObject, ObjectMeta } from './meta.ts';
import { Field } from './slim-field.ts';
import { readMeta, type SlimMeta } from './slim-meta.ts';

/** As served. The name is the number in decimal: that no number is given twice is the API server's own rule for names. */
export interface IdentityObject extends KubeObject {
  readonly metadata: ObjectMeta;
  readonly spec: { readonly namespace: string; readonly labels?: Readonly<Record<string, string>> };
}

/** As understood. */
export interface Identity extends SlimMeta {
  readonly number: number;
  readonly of: IdentityLabels;
}

/** What makes pods the same for policies: those of a namespace with these labels. */
export interface IdentityLabels {
  readonly namespace: string;
  readonly labels: ReadonlyMap<string, string>;
}

/** Smaller numbers name what is no pod. */
export const FIRST_IDENTITY = 256;
/** What the group policy extension of VXLAN has room for (draft-smith-vxlan-group-policy-05, section 2.1). */
export const LAST_IDENTITY = 65_535;

/** Labels that tell a pod from the next one of its workload. They would give every pod an identity of its own. */
export const INSTANCE_LABELS: ReadonlySet<string> = new Set([
  'pod-template-hash',
  'pod-template-generation',
  'controller-revision-hash',
  'controller-uid',
  'job-name',
  'statefulset.kubernetes.io/pod-name',
  'apps.kubernetes.io/pod-index',
  'batch.kubernetes.io/controller-uid',
  'batch.kubernetes.io/job-name',
  'batch.kubernetes.io/job-completion-index',
]);

/**
 * The labels that count: all but those of single instances, and of these the ones that a selector asks for (`mentioned`, keys of the selectors of
 * every policy of the cluster).
 */
export function identityLabels(
  labels: ReadonlyMap<string, string>,
  mentioned: ReadonlySet<string>,
): ReadonlyMap<string, string> {
  const hasInstance = [...labels.keys()].some((key) => INSTANCE_LABELS.has(key) && !mentioned.has(key));
  if (!hasInstance) return labels;
  return new Map([...labels].filter(([key]) => !INSTANCE_LABELS.has(key) || mentioned.has(key)));
}

/** Canonical text of an identity's labels: equal for equal ones, whatever their order. */
export function identityKey({ namespace, labels }: IdentityLabels): string {
  const pairs = [...labels].toSorted(([a], [b]) => (a < b ? -1 : Number(a > b)));
  return `${namespace}\n${pairs.map(([key, value]) => `${key}=${value}`).join('\n')}`;
}

/**
 * The number of each set of labels, by `identityKey`. Of several for one set the lowest rules: everybody chooses so, whatever came first to whom.
 */
export function identitiesByKey(
  identities: Iterable<Pick<Identity, 'number' | 'of'>>,
): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  for (const { number, of } of identities) {
    const key = identityKey(of);
    numbers.set(key, Math.min(number, numbers.get(key) ?? number));
  }
  return numbers;
}

/** Reads a fairlead.dev/v1alpha1 Identity; throws `invalid` naming the field. */
export function parseIdentity(raw: unknown): Identity {
  const root = Field.root('Identity', raw);
  const meta = readMeta(root);
  const of = { namespace: root.at('spec.namespace').text(), labels: root.at('spec.labels').textMap() };
  return { ...meta, number: parseIdentityNumber(meta.name), of };
}

export function parseIdentityNumber(text: string): number {
  const number = /^[1-9]\d{2,4}$/.test(text) ? Number(text) : NaN;
  if (number >= FIRST_IDENTITY && number <= LAST_IDENTITY) return number;
  throw new FairleadError(
    'invalid',
    `Cannot read identity "${text}": its name must be a number from ${FIRST_IDENTITY} to ${LAST_IDENTITY}`,
  );
}
