// Who the pods of the node's links are, for the programs there: whoever judges goes by it, so it is no backend's own.

import { part, type Part } from '../../reconcile/engine.ts';
import type { NodeMaps } from '../shared-bpf/node-maps.ts';
import type { PolicyInput } from '../shared-node/policy-backend.ts';
import { renderStandings, type StandingEntry } from './render.ts';
import { standingTarget } from './target.ts';

/** Comes after the backends: what a subject may is there before a pod becomes one. */
export function podStandingPart<V extends PolicyInput>(maps: NodeMaps): Part<V> {
  return part<V, StandingEntry>(
    standingTarget(maps),
    ({ policies }) => policies && renderStandings(policies),
  );
}
