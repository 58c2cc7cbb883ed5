// The Service contract of the eBPF backend: translated at the socket, and per packet where the client is outside of the cgroup.

import { ebpfBackend } from './service-backends.ts';
import { runServiceContract } from './service-contract.ts';

const SILENT_NODE = {
  reason:
    'a call of the node’s own sockets ends with ETIMEDOUT at once: they pass nothing that could be silent',
  tests: ['may drop, and says nothing', 'source ranges let in whom they hold'],
};

const NO_SCTP = {
  reason: 'the programs know TCP and UDP; SCTP frontends have no row, and their addresses refuse nothing',
  tests: ['SCTP over'],
};

runServiceContract({
  name: 'service-ebpf at the socket',
  makeBackend: ebpfBackend(true),
  skip: [SILENT_NODE, NO_SCTP],
});
runServiceContract({
  name: 'service-ebpf per packet',
  makeBackend: ebpfBackend(false),
  skip: [SILENT_NODE, NO_SCTP],
});
