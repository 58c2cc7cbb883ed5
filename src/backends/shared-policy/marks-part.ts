// The programs at pods' links say in the mark whose a packet is, for backends that judge elsewhere.

import { POLICY_MODES } from '../../base/policy-numbers.ts';
import { part, type Part } from '../../reconcile/engine.ts';
import type { NodeMaps } from '../shared-bpf/node-maps.ts';
import { policyModeTarget, SWITCHED_ON } from '../shared-bpf/policy-mode.ts';
import type { PolicyInput } from '../shared-node/policy-backend.ts';

/** Marks harm nobody: who leaves lets them be while another backend carries, which may want them, too. */
export function marksPart<V extends PolicyInput>(backend: string, maps: NodeMaps): Part<V> {
  const target = policyModeTarget(`policy-${backend} mode`, maps, POLICY_MODES.marks);
  return part<V, true>(target, ({ policyRoles }) => {
    if (!policyRoles.has(backend)) return undefined;
    return [...policyRoles.values()].includes('carry') ? SWITCHED_ON : new Map();
  });
}
