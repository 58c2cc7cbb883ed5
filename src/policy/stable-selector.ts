// By which labels the pods of a workload are chosen: those that stay when its pods are made anew, and choose nobody else if they can.

import { FairleadError } from '../base/errors.ts';
import { INSTANCE_LABELS } from '../objects/identity.ts';
import { listOf, objectOf } from '../objects/json.ts';
import { selects } from '../oracle/policy-selector.ts';
import type { RawLabels, RawLabelSelector } from '../oracle/raw-policies.ts';
import type { PolicyWorld } from './policy-world.ts';
import { nameOfWorkload, type Workload } from './workload.ts';

export interface StableSelector {
  readonly selector: RawLabelSelector;
  /** Workloads of the namespace that it chooses besides. */
  readonly others: readonly Workload[];
}

/** What package managers write anew at every release. */
const RELEASE_LABELS: ReadonlySet<string> = new Set([
  'app.kubernetes.io/managed-by',
  'app.kubernetes.io/version',
  'chart',
  'helm.sh/chart',
  'heritage',
]);

/** The selectors of a world's workloads, each looked for once. */
export class StableSelectors {
  readonly #byNamespace: ReadonlyMap<string, readonly Workload[]>;
  readonly #known = new Map<Workload, StableSelector>();

  constructor({ workloads }: PolicyWorld) {
    this.#byNamespace = Map.groupBy(workloads, (it) => it.namespace);
  }

  /**
   * The workload's own selector, where that is exact; else by all labels of its template that stay. Throws `invalid` for pods without labels:
   * nothing but all of their namespace could choose them.
   */
  of(workload: Workload): StableSelector {
    const known = this.#known.get(workload);
    if (known !== undefined) return known;
    const found = stableSelector(this.#byNamespace.get(workload.namespace) ?? [], workload);
    this.#known.set(workload, found);
    return found;
  }
}

function stableSelector(neighbours: readonly Workload[], workload: Workload): StableSelector {
  const own = workload.pod.metadata.labels ?? {};
  const labels = stableLabels(own);
  const candidates = [
    ownSelector(workload),
    ...(Object.keys(labels).length > 0 ? [{ matchLabels: labels }] : []),
  ]
    .filter((it) => it !== undefined && selects(it, own))
    .map((selector = {}) => ({ selector, others: othersOf(neighbours, workload, selector) }));
  const [first, ...more] = candidates;
  if (first === undefined)
    throw new FairleadError(
      'invalid',
      `Cannot choose the pods of ${nameOfWorkload(workload)}: they have no labels`,
    );
  return more.reduce((best, it) => (it.others.length < best.others.length ? it : best), first);
}

/** Undefined where it has none, or one of labels that its controller makes up for each instance. */
function ownSelector({ placed }: Workload): RawLabelSelector | undefined {
  const selector = objectOf(objectOf(placed.object['spec'])['selector']);
  const labels = textsOf(objectOf(selector['matchLabels']));
  // Checked by the API server where the object comes from; the oracle says so of an operator that there is not.
  const matchExpressions = listOf(selector['matchExpressions']) as NonNullable<
    RawLabelSelector['matchExpressions']
  >;
  const keys = [...Object.keys(labels), ...matchExpressions.map((it) => it.key)];
  if (keys.length === 0 || keys.some((it) => INSTANCE_LABELS.has(it))) return undefined;
  return {
    ...(Object.keys(labels).length === 0 ? {} : { matchLabels: labels }),
    ...(matchExpressions.length === 0 ? {} : { matchExpressions }),
  };
}

/** All of them where none stays: better than nobody. */
function stableLabels(own: RawLabels): RawLabels {
  const all = Object.entries(own);
  const stable = all.filter(([key]) => !INSTANCE_LABELS.has(key));
  const lasting = stable.filter(([key]) => !RELEASE_LABELS.has(key));
  return Object.fromEntries([lasting, stable].find((it) => it.length > 0) ?? all);
}

function othersOf(
  neighbours: readonly Workload[],
  of: Workload,
  selector: RawLabelSelector,
): readonly Workload[] {
  return neighbours.filter(
    (it) => it !== of && it.pod.spec.hostNetwork !== true && selects(selector, it.pod.metadata.labels ?? {}),
  );
}

function textsOf(values: Readonly<Record<string, unknown>>): RawLabels {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, String(value)]));
}
