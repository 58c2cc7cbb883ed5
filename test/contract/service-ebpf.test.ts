// The Service contract of the eBPF backend: translated at the socket, and per packet where the client is outside of the cgroup.

import type { Lifetime } from '../../src/base/lifetime.ts';
import { ebpfServiceParts } from '../../src/backends/service-ebpf/backend.ts';
import { openNodeBpf } from '../../src/backends/shared-bpf/node-bpf.ts';
import { inNetns } from '../../src/sys/netns.ts';
import { applyByParts, runServiceContract, type ContractBackend } from './service-contract.ts';
import { linkIndex, type ServiceWorld } from './service-world.ts';

const OBJECTS = new URL('../../build/bpf', import.meta.url).pathname;

function backend(isInCgroup: boolean) {
  return async (world: ServiceWorld, lifetime: Lifetime): Promise<ContractBackend> => {
    const { pinDir, cgroup, nodeNetns } = world;
    const bpf = await openNodeBpf(
      { pinDir, objectDir: OBJECTS, cgroupPath: cgroup, netns: nodeNetns },
      lifetime,
    );
    lifetime.defer('BPF of the node', () => bpf.detachAll());
    for (const { link, mac, ips } of world.pods.values()) {
      const ifindex = inNetns(nodeNetns, () => linkIndex(link));
      bpf.podInterfaces.attach({ ifindex, mac, ips });
    }
    const parts = ebpfServiceParts({ maps: bpf.maps, nodeLinks: bpf.nodeLinks, netns: nodeNetns, lifetime });
    return { isInCgroup, apply: applyByParts(parts) };
  };
}

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
  makeBackend: backend(true),
  skip: [SILENT_NODE, NO_SCTP],
});
runServiceContract({
  name: 'service-ebpf per packet',
  makeBackend: backend(false),
  skip: [SILENT_NODE, NO_SCTP],
});
