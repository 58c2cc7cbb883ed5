// The Service contract of the eBPF backend: translated at the socket, and per packet where the client is outside of the cgroup.

import { parseCidr } from '../../src/base/cidr.ts';
import type { Lifetime } from '../../src/base/lifetime.ts';
import type { Frontend } from '../../src/model/network.ts';
import type { FrontendRow } from '../../src/backends/service-ebpf/frontend-row.ts';
import { renderFrontends } from '../../src/backends/service-ebpf/render.ts';
import { openServiceTarget } from '../../src/backends/service-ebpf/target.ts';
import { openNodeBpf } from '../../src/backends/shared-bpf/node-bpf.ts';
import { inNetns } from '../../src/sys/netns.ts';
import { applyByTarget, runServiceContract, type ContractBackend } from './service-contract.ts';
import { linkIndex, type ServiceWorld } from './service-world.ts';

const OBJECTS = new URL('../../build/bpf', import.meta.url).pathname;
const CLUSTER = {
  podCidrs: [],
  serviceCidrs: [parseCidr('10.96.0.0/16'), parseCidr('fd96::/112')],
  clusterDomain: 'cluster.local',
  dnsIps: [],
};

function render(frontends: ReadonlyMap<string, Frontend>): ReadonlyMap<string, FrontendRow> {
  return renderFrontends({ frontends, cluster: CLUSTER });
}

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
    return { isInCgroup, apply: applyByTarget(openServiceTarget(bpf.maps), render) };
  };
}

runServiceContract({ name: 'service-ebpf at the socket', makeBackend: backend(true) });
runServiceContract({ name: 'service-ebpf per packet', makeBackend: backend(false) });
