// The Service contract of the iptables backend, legacy flavour: the kernel's own ip_tables.

import { runIptablesContract } from './service-iptables.ts';

// The rules are those of the other flavour and another kernel part takes them: one transport of each family here, the other there, shows each
// row once and both parts with all kinds of rows. FAIRLEAD_ALL_ROWS=1 runs all in both.
runIptablesContract('legacy', /TCP over IPv6|UDP over IPv4/);
