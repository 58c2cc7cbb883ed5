// The backend as the registry lists it.

import { POLICY_MODES } from '../../base/policy-numbers.ts';
import type { Part } from '../../reconcile/engine.ts';
import { policyModeTarget, SWITCHED_ON } from '../shared-bpf/policy-mode.ts';
import {
  addressPart,
  policyPart,
  type PolicyBackend,
  type PolicyDoors,
  type PolicyInput,
} from '../shared-node/policy-backend.ts';
import { followAddresses, renderPeers, renderPorts } from './render.ts';
import { addressTarget, peerTarget, portTarget } from './target.ts';

const NAME = 'ebpf';

export const EBPF_POLICIES: PolicyBackend = {
  name: NAME,
  about: 'Per packet at the pod’s interface, by identities that travel with packets',
  needs: ['bpf-sched-cls', 'bpf-ringbuf'],
  isAskedAcrossBridges: true,
  /** What something points to is there before it, and goes after it. */
  open: <V extends PolicyInput>({ maps }: PolicyDoors): readonly Part<V>[] => [
    policyPart(NAME, portTarget(maps), renderPorts),
    addressPart(NAME, addressTarget(maps), followAddresses),
    policyPart(NAME, peerTarget(maps), renderPeers),
    policyPart(NAME, policyModeTarget('policy-ebpf mode', maps, POLICY_MODES.judges), () => SWITCHED_ON),
  ],
};
