// The Service contract of the iptables backend, legacy flavour: the kernel's own ip_tables.

import { runIptablesContract } from './service-iptables.ts';

runIptablesContract('legacy');
