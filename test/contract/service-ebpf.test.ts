// The Service contract of the eBPF backend: translated at the socket, and per packet where the client is outside of the cgroup.

import { ebpfBackend } from './service-backends.ts';
import { runServiceContract } from './service-contract.ts';

const SILENT_NODE = {
  reason:
    'a call of the node’s own sockets ends with ETIMEDOUT at once: they pass nothing that could be silent',
  tests: ["say nothing to the node's processes", "says nothing to the node's processes"],
};

const SCTP_OF_THE_NODE = {
  reason:
    'the kernel calls no program for SCTP sockets, and what the node itself sends passes none before it is routed',
  tests: ['an SCTP socket of the node'],
};

runServiceContract({
  name: 'service-ebpf at the socket',
  makeBackend: ebpfBackend(true),
  skip: [SILENT_NODE, SCTP_OF_THE_NODE],
});
runServiceContract({
  name: 'service-ebpf per packet',
  makeBackend: ebpfBackend(false),
  skip: [SILENT_NODE, SCTP_OF_THE_NODE],
});
