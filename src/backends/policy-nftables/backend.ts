// The backend as the registry lists it.

import type { Part } from '../../reconcile/engine.ts';
import { openConntrack } from '../../sys/conntrack.ts';
import { openNfTables } from '../../sys/nf-tables.ts';
import {
  addressPart,
  type PolicyBackend,
  type PolicyDoors,
  type PolicyInput,
} from '../shared-node/policy-backend.ts';
import { marksPart } from '../shared-policy/marks-part.ts';
import { followPolicies } from './render.ts';
import { DENIED_COUNTERS, POLICY_TABLE } from './table-plan.ts';
import { policyTableTarget } from './target.ts';

const NAME = 'nftables';

export const NFTABLES_POLICIES: PolicyBackend = {
  name: NAME,
  about: 'By nftables: a fixed set of rules, sets of who may speak to whom',
  needs: ['nftables', 'nft-log', 'conntrack', 'bpf-sched-cls'],
  open: <V extends PolicyInput>({ maps, netns, lifetime }: PolicyDoors): readonly Part<V>[] => {
    const tables = openNfTables(netns);
    lifetime.defer('nftables of policies', () => tables.close());
    const conntrack = openConntrack(netns);
    lifetime.defer('connection tracking of policies', () => conntrack.close());
    const place = netns === undefined ? {} : { netns };
    return [
      marksPart<V>(NAME, maps),
      addressPart(NAME, policyTableTarget({ tables, conntrack, place }), followPolicies),
    ];
  },
  countDenied: ({ netns, lifetime }) => {
    const tables = lifetime.own('nftables counters of policies', openNfTables(netns), (it) => it.close());
    return async () => {
      const counters = await tables.listCounters(POLICY_TABLE);
      return new Map(
        (['ingress', 'egress'] as const).flatMap((direction) => {
          const found = counters.find((it) => it.name === DENIED_COUNTERS[direction]);
          return found === undefined ? [] : [[direction, found.packets] as const];
        }),
      );
    };
  },
};
