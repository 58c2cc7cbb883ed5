// The Service contract of the iptables backend, nft flavour: nf_tables beneath.

import { runIptablesContract } from './service-iptables.ts';

runIptablesContract('nft');
