// The Service contract of the iptables backend, nft flavour: nf_tables beneath.

import { runIptablesContract } from './service-iptables.ts';

// The rows of the other transports: service-iptables-legacy.test.ts.
runIptablesContract('nft', /TCP over IPv4|UDP over IPv6|SCTP|affinity ends/);
