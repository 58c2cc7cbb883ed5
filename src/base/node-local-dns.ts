// Where a node's DNS server answers beside the cluster's address, as NodeLocal DNSCache does: the same addresses on every node, in no Service.

import { parseIp, type Ip } from './ip.ts';

/** The IPv4 one is NodeLocal DNSCache's own, so that pods whose `dnsConfig` names it find it here. */
export const NODE_LOCAL_DNS: readonly Ip[] = ['169.254.20.10', 'fd00:169:254:20::a'].map(parseIp);
