// Gives out identities: one object for each set of labels that pods of a namespace have or will have (docs/decisions/identities.md).
// When one was last needed stands in the object itself, so that a restart of the controller changes nothing.

import { timeText } from '../base/clock.ts';
import { IDENTITIES } from '../kube/resource.ts';
import { identityKey, type IdentityObject } from '../objects/identity.ts';
import { isSameJson } from '../objects/json.ts';
import type { KubeObject } from '../objects/meta.ts';
import { createAction, deleteAction, eventAction, patchAction, type Action } from './action.ts';
import {
  CLUSTER_KEY,
  clusterKey,
  source,
  type ClusterReader,
  type Controller,
  type ReconcileContext,
  type Source,
} from './controller.ts';
import { freeNumbers } from './identity-numbers.ts';
import {
  BY_IDENTITY,
  IDENTITY_POLICIES,
  IDENTITY_USERS,
  needsOf,
  type IdentityPolicy,
  type IdentityUser,
  type Need,
} from './identity-users.ts';

/** Since when nobody has needed the identity, RFC 3339; absent while somebody does. */
const UNUSED_SINCE = 'fairlead.dev/unused-since';
/** Longer than rollouts and restarts take, so that labels keep their number over them. */
const HOUR_MS = 3_600_000;

/** `unusedMs`: how long an identity stays that nobody needs; an hour by default. */
export function identityController(options: { readonly unusedMs?: number } = {}): Controller {
  const { unusedMs = HOUR_MS } = options;
  return {
    name: 'identity-controller',
    sources: [
      ...IDENTITY_USERS.map(userSource),
      clusterKey(IDENTITIES),
      ...IDENTITY_POLICIES.map(policySource),
    ],
    reconcile: (_key, context) => reconcileIdentities(context, unusedMs),
    concurrency: 1,
  };
}

/** Most changes of pods are none of their labels. */
function userSource({ resource, labelsOf }: IdentityUser): Source {
  const keyOfLabels = (object: KubeObject | undefined): string | undefined => {
    const labels = object === undefined ? undefined : labelsOf(object);
    return labels === undefined ? undefined : identityKey(labels);
  };
  return source(resource, ({ before, after }) =>
    keyOfLabels(before) === keyOfLabels(after) ? [] : [CLUSTER_KEY],
  );
}

/** Few policies ask for single instances. */
function policySource({ resource, keysOf }: IdentityPolicy): Source {
  const keys = (policy: KubeObject | undefined): readonly string[] =>
    policy === undefined ? [] : keysOf(policy);
  return source(resource, ({ before, after }) =>
    isSameJson(keys(before), keys(after)) ? [] : [CLUSTER_KEY],
  );
}

/** The whole cluster in one look, so that no number is given twice. A number that another controller was faster to give is refused by the server. */
export function reconcileIdentities(
  { cluster, nowMs }: Pick<ReconcileContext, 'cluster' | 'nowMs'>,
  unusedMs: number,
): readonly Action[] {
  const needs = needsOf(cluster);
  const { used, spare } = sortOut(cluster, needs);
  const missing = [...needs].filter(([key]) => !used.has(key)).map(([, need]) => need);
  const numbers = [...freeNumbers(givenNumbers(cluster)).take(missing.length)];
  const shortage = missing.length - numbers.length;
  return [
    ...numbers.flatMap((number, i) => create(number, missing[i])),
    ...spare.slice(0, shortage).map(({ identity }) => deleteAction(IDENTITIES, identity)),
    ...[...used.values()].flatMap(takeBack),
    ...retire(spare.slice(shortage), nowMs, unusedMs),
    ...missing.slice(numbers.length + spare.length).map(refuse),
  ];
}

/** An identity that nobody needs. */
interface Spare {
  readonly identity: IdentityObject;
  readonly sinceMs: number | undefined;
}

interface Sorted {
  /** By `identityKey`: of several for one set of labels the lowest. */
  readonly used: ReadonlyMap<string, IdentityObject>;
  /** The longest unused first. */
  readonly spare: readonly Spare[];
}

function sortOut(cluster: ClusterReader, needs: ReadonlyMap<string, Need>): Sorted {
  const identities = cluster.of(IDENTITIES);
  const used = new Map<string, IdentityObject>();
  const spare: Spare[] = [];
  for (const key of identities.valuesOf(BY_IDENTITY)) {
    const same = [...identities.by(BY_IDENTITY, key)].sort((a, b) => numberOf(a) - numberOf(b));
    const isNeeded = needs.has(key);
    if (isNeeded && same[0] !== undefined) used.set(key, same[0]);
    for (const identity of isNeeded ? same.slice(1) : same)
      spare.push({ identity, sinceMs: sinceOf(identity) });
  }
  return { used, spare: spare.sort((a, b) => (a.sinceMs ?? Infinity) - (b.sinceMs ?? Infinity)) };
}

function numberOf(identity: IdentityObject): number {
  return Number(identity.metadata.name);
}

/** What cannot be read is written anew. */
function sinceOf({ metadata }: IdentityObject): number | undefined {
  const ms = Date.parse(metadata.annotations?.[UNUSED_SINCE] ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}

function givenNumbers(cluster: ClusterReader) {
  return Array.from(cluster.of(IDENTITIES).values(), (identity) => ({
    number: numberOf(identity),
    since: identity.metadata.creationTimestamp,
  }));
}

function create(number: number, need: Need | undefined): readonly Action[] {
  if (need === undefined) return [];
  const { namespace, labels } = need.of;
  const spec = { namespace, labels: Object.fromEntries(labels) };
  return [createAction(IDENTITIES, { metadata: { name: String(number) }, spec })];
}

function takeBack(identity: IdentityObject): readonly Action[] {
  return identity.metadata.annotations?.[UNUSED_SINCE] === undefined ? [] : [annotate(identity, null)];
}

function annotate(identity: IdentityObject, value: string | null): Action {
  return patchAction(IDENTITIES, identity, { metadata: { annotations: { [UNUSED_SINCE]: value } } });
}

function retire(spare: readonly Spare[], nowMs: number, unusedMs: number): readonly Action[] {
  const isOver = ({ sinceMs = nowMs }: Spare): boolean => sinceMs + unusedMs <= nowMs;
  const over = spare.filter(isOver).map(({ identity }) => deleteAction(IDENTITIES, identity));
  const fresh = spare.filter((it) => it.sinceMs === undefined && !isOver(it));
  const waiting = spare.filter((it) => !isOver(it)).map(({ sinceMs = nowMs }) => sinceMs + unusedMs - nowMs);
  return [
    ...over,
    ...fresh.map(({ identity }) => annotate(identity, timeText(nowMs))),
    ...(waiting.length === 0
      ? []
      : [{ kind: 'later', afterMs: waiting.reduce((a, b) => Math.min(a, b), HOUR_MS) } as const]),
  ];
}

function refuse({ user }: Need): Action {
  const message =
    'No identity is left for the labels of its pods: every number is in use. Until one is free, no policy that names them knows them';
  return eventAction(user, 'Warning', 'IdentityNumbersExhausted', message);
}
