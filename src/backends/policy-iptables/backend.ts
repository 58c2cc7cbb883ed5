// The backend as the registry lists it.

import { part, type Part } from '../../reconcile/engine.ts';
import { openConntrack } from '../../sys/conntrack.ts';
import { IPTABLES_FLAVOURS, systemIptablesFlavour } from '../../sys/iptables-flavour.ts';
import type { IptablesFlavour } from '../../sys/iptables.ts';
import {
  policyPart,
  type PolicyBackend,
  type PolicyDoors,
  type PolicyInput,
} from '../shared-node/policy-backend.ts';
import { marksPart } from '../shared-policy/marks-part.ts';
import { deniedCounts } from './denied-counts.ts';
import type { PolicyRules } from './policy-rules.ts';
import { PolicyRenderer } from './render.ts';
import { otherFlavourTarget, policyRulesTarget } from './target.ts';

const NAME = 'iptables';

export const IPTABLES_POLICIES: PolicyBackend = {
  name: NAME,
  about: 'By iptables: chains for pods that are the same to policies, sets of addresses (ipset)',
  needs: ['iptables', 'ipset', 'conntrack', 'bpf-sched-cls'],
  open: openParts,
  countDenied: ({ netns, lifetime, iptablesFlavour }) => {
    const flavour = flavourOf(iptablesFlavour);
    return () => deniedCounts({ flavour, netns, lifetime });
  },
};

function flavourOf(told: IptablesFlavour | undefined): IptablesFlavour {
  return told ?? systemIptablesFlavour() ?? 'nft';
}

/** In the system's flavour unless told. The other one is watched, too: what an earlier choice left there goes. */
function openParts<V extends PolicyInput>(doors: PolicyDoors): readonly Part<V>[] {
  const { maps, netns, lifetime, iptablesFlavour } = doors;
  const flavour = flavourOf(iptablesFlavour);
  const conntrack = lifetime.own('connection tracking of policies', openConntrack(netns), (it) => it.close());
  const place = netns === undefined ? {} : { netns };
  const renderer = new PolicyRenderer();
  const target = policyRulesTarget({ ...place, flavour }, conntrack);
  const others = IPTABLES_FLAVOURS.filter((it) => it !== flavour);
  return [
    marksPart<V>(NAME, maps),
    policyPart(NAME, target, (view) => renderer.render(view)),
    ...others.map((it) =>
      part<V, PolicyRules>(
        otherFlavourTarget({ ...place, flavour: it }),
        ({ policyRoles }) => policyRoles.get(NAME) && new Map(),
      ),
    ),
  ];
}
