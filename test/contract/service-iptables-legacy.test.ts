// The Service contract of the iptables backend, legacy flavour: the kernel's own ip_tables.

import { runIptablesContract } from './service-iptables.ts';

// The rules are those of the other flavour, which runs all rows; another kernel part takes them: one transport of each family shows that it does.
runIptablesContract('legacy', /TCP over IPv4|UDP over IPv6/);
