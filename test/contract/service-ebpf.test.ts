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

const NO_OUTSIDE = {
  reason: 'only pods and the node’s own processes are served yet',
  tests: [
    'from outside',
    'as clients from outside',
    'source ranges',
    'may drop, and says nothing',
    'keeps the client',
    'says nothing where no endpoint is of this node',
    'refuses at once, inside and outside',
    'other ports of the node stay',
    'a host port leads to its pod',
    'node ports of several ports',
    'each chosen for by themselves',
    'affinity ends with its time',
    'each by itself',
    'a traffic policy that changes',
    'a node port that another Service takes',
  ],
};

const ONE_ENDPOINT = {
  reason: 'a socket remembers one Service for each endpoint: answers show the one that chose it last',
  tests: ['one socket speaks to two Services of one endpoint in turn'],
};

runServiceContract({
  name: 'service-ebpf at the socket',
  makeBackend: backend(true),
  skip: [NO_OUTSIDE, ONE_ENDPOINT],
});
runServiceContract({
  name: 'service-ebpf per packet',
  makeBackend: backend(false),
  skip: [NO_OUTSIDE],
});
