// Policies on two nodes, by every backend that judges in netfilter.

import { IPTABLES_FLAVOURS } from '../../src/sys/iptables-flavour.ts';
import { keepByIptables, keepByNftables } from '../support/policy-keeper.ts';
import { policyNodesContract } from './policy-nodes.ts';

policyNodesContract('nftables', keepByNftables);
for (const flavour of IPTABLES_FLAVOURS)
  policyNodesContract(`iptables (${flavour})`, keepByIptables(flavour));
