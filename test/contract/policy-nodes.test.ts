// Policies on two nodes, by every backend that judges in netfilter.

import { keepByIptables, keepByNftables } from '../support/policy-keeper.ts';
import { policyNodesContract } from './policy-nodes.ts';

policyNodesContract('nftables', keepByNftables);
policyNodesContract('iptables', keepByIptables('nft'));
