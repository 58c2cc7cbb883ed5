// Why a pod cannot go to a node, in the words that kubectl's users know. Pure.

import type { Node, Pod } from '../../../objects/api-types.ts';
import { matchesSelector, selectorOf, type Selector } from '../../../objects/meta.ts';
import { hostPortsOf, requestsOf, type NodeState } from './node-state.ts';

type Taint = NonNullable<NonNullable<Node['spec']>['taints']>[number];
type Toleration = NonNullable<NonNullable<Pod['spec']>['tolerations']>[number];
type Affinity = NonNullable<NonNullable<Pod['spec']>['affinity']>;
type NodeTerm = NonNullable<
  NonNullable<Affinity['nodeAffinity']>['requiredDuringSchedulingIgnoredDuringExecution']
>['nodeSelectorTerms'][number];
type PodTerm = NonNullable<
  NonNullable<Affinity['podAffinity']>['requiredDuringSchedulingIgnoredDuringExecution']
>[number];

const UNSCHEDULABLE: Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

/** All nodes at the moment of the decision: affinity between pods looks beyond one node. */
export type NodeStates = readonly NodeState[];

/** The reasons against this node; none when the pod may go there. */
export function reasonsAgainst(pod: Pod, state: NodeState, states: NodeStates): readonly string[] {
  const { node } = state;
  if (node.spec?.unschedulable === true && !isTolerated(UNSCHEDULABLE, pod)) {
    return ['node(s) were unschedulable'];
  }
  const taint = (node.spec?.taints ?? []).find(
    (each) => each.effect !== 'PreferNoSchedule' && !isTolerated(each, pod),
  );
  if (taint !== undefined) return [`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`];
  if (!matchesNode(pod, node)) return ["node(s) didn't match Pod's node affinity/selector"];
  if (!state.hasFreePorts(hostPortsOf(pod))) {
    return ["node(s) didn't have free ports for the requested pod ports"];
  }
  const room = state.hasRoom ? [] : ['Too many pods'];
  const lacking = state.lacking(requestsOf(pod)).map((name) => `Insufficient ${name}`);
  const resources = [...room, ...lacking];
  return resources.length > 0 ? resources : affinityReasons(pod, state, states);
}

export function isTolerated(taint: Taint, pod: Pod): boolean {
  return (pod.spec?.tolerations ?? []).some((toleration) => tolerates(toleration, taint));
}

/** nodeSelector and required node affinity. */
export function matchesNode(pod: Pod, node: Node): boolean {
  const labels = node.metadata.labels;
  const selector = Object.entries(pod.spec?.nodeSelector ?? {});
  if (!selector.every(([key, value]) => labels?.[key] === value)) return false;
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || required.nodeSelectorTerms.some((term) => matchesTerm(term, node));
}

/** An empty term matches nothing, as the API defines it. */
export function matchesTerm(term: NodeTerm, node: Node): boolean {
  const { matchExpressions = [], matchFields = [] } = term;
  if (matchExpressions.length === 0 && matchFields.length === 0) return false;
  return (
    matchesSelector(nodeSelector(matchExpressions), node.metadata.labels) &&
    matchesSelector(nodeSelector(matchFields), { 'metadata.name': node.metadata.name })
  );
}

function nodeSelector(
  expressions: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[],
): Selector {
  return expressions.flatMap(({ key, operator, values = [] }): Selector => {
    if (operator === 'Gt' || operator === 'Lt') {
      return [{ kind: operator === 'Gt' ? 'greater' : 'less', key, bound: Number(values[0]) }];
    }
    return selectorOf({ matchExpressions: [{ key, operator, values }] });
  });
}

function tolerates(toleration: Toleration, taint: Taint): boolean {
  const { key = '', operator = 'Equal', value = '', effect = '' } = toleration;
  if (effect !== '' && effect !== taint.effect) return false;
  if (key === '') return operator === 'Exists';
  if (key !== taint.key) return false;
  return operator === 'Exists' || value === (taint.value ?? '');
}

function affinityReasons(pod: Pod, state: NodeState, states: NodeStates): readonly string[] {
  const { podAffinity, podAntiAffinity } = pod.spec?.affinity ?? {};
  const wanted = podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  const unwanted = podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  if (!wanted.every((term) => isNear(term, pod, state, states) || isFirstOfItsKind(term, pod, states))) {
    return ["node(s) didn't match pod affinity rules"];
  }
  if (unwanted.some((term) => isNear(term, pod, state, states))) {
    return ["node(s) didn't match pod anti-affinity rules"];
  }
  return isUnwantedByOthers(pod, state, states)
    ? ["node(s) didn't satisfy existing pods anti-affinity rules"]
    : [];
}

/** True when a pod that the term selects runs in the same place (by the topology key) as `state`. */
function isNear(term: PodTerm, pod: Pod, state: NodeState, states: NodeStates): boolean {
  const place = placeOf(state, term.topologyKey);
  if (place === undefined) return false;
  return states.some(
    (other) =>
      placeOf(other, term.topologyKey) === place && other.pods.some((each) => selects(term, pod, each)),
  );
}

/** A pod that only its own kind would attract may be the first one anywhere; else such a group could never start. */
function isFirstOfItsKind(term: PodTerm, pod: Pod, states: NodeStates): boolean {
  return (
    selects(term, pod, pod) && !states.some((state) => state.pods.some((each) => selects(term, pod, each)))
  );
}

function isUnwantedByOthers(pod: Pod, state: NodeState, states: NodeStates): boolean {
  return states.some((other) =>
    other.pods.some((each) =>
      (each.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).some(
        (term) =>
          placeOf(state, term.topologyKey) !== undefined &&
          placeOf(other, term.topologyKey) === placeOf(state, term.topologyKey) &&
          selects(term, each, pod),
      ),
    ),
  );
}

function placeOf(state: NodeState, topologyKey: string): string | undefined {
  return state.node.metadata.labels?.[topologyKey];
}

/** Namespaces default to that of the pod which carries the term; an absent selector selects nothing. */
function selects(term: PodTerm, owner: Pod, candidate: Pod): boolean {
  const namespaces = term.namespaces ?? [owner.metadata.namespace ?? ''];
  if (term.labelSelector === undefined || !namespaces.includes(candidate.metadata.namespace ?? ''))
    return false;
  return matchesSelector(selectorOf(term.labelSelector), candidate.metadata.labels);
}
