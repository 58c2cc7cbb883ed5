// Backends at work in the world of the Service contract, as suites take them.

import assert from 'node:assert/strict';
import type { Lifetime } from '../../src/base/lifetime.ts';
import { ebpfServiceParts } from '../../src/backends/service-ebpf/backend.ts';
import { iptablesServiceParts } from '../../src/backends/service-iptables/backend.ts';
import { CHAINS } from '../../src/backends/service-iptables/names.ts';
import { ipvsParts } from '../../src/backends/service-ipvs/backend.ts';
import { IPVS_DEVICE, openIpvsKernel, type IpvsKernel } from '../../src/backends/service-ipvs/kernel.ts';
import { nftablesServiceParts } from '../../src/backends/service-nftables/backend.ts';
import { openNodeBpf } from '../../src/backends/shared-bpf/node-bpf.ts';
import { restoreIptables, type IptablesFlavour } from '../../src/sys/iptables.ts';
import { openIpvs } from '../../src/sys/ipvs.ts';
import { openNetlink } from '../../src/sys/netlink.ts';
import { inNetns } from '../../src/sys/netns.ts';
import { applyNft } from '../../src/sys/nft.ts';
import {
  applyByParts,
  forgettingUdpFlows,
  type ContractBackend,
  type ServiceContract,
} from './service-contract.ts';
import { linkIndex, type ServiceWorld } from './service-world.ts';

export type MakeBackend = ServiceContract['makeBackend'];

const OBJECTS = new URL('../../build/bpf', import.meta.url).pathname;

export function ebpfBackend(isInCgroup: boolean): MakeBackend {
  return async (world, lifetime) => {
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

export async function nftablesBackend(world: ServiceWorld, lifetime: Lifetime): Promise<ContractBackend> {
  const netns = world.nodeNetns;
  const parts = nftablesServiceParts({ netns, lifetime });
  return Promise.resolve({
    isInCgroup: false,
    apply: forgettingUdpFlows(world, lifetime, applyByParts(parts)),
    damage: () => applyNft('flush table inet fairlead-services\n', { netns }),
  });
}

export function iptablesBackend(flavour: IptablesFlavour): MakeBackend {
  return async (world, lifetime) => {
    const netns = world.nodeNetns;
    const apply = applyByParts(iptablesServiceParts({ netns, iptablesFlavour: flavour }));
    return {
      isInCgroup: false,
      apply: forgettingUdpFlows(world, lifetime, apply),
      damage: async () => {
        // The dispatch chain is emptied, and what hides clients is gone.
        const script = `*nat\n:${CHAINS.services} - [0:0]\n:${CHAINS.postrouting} - [0:0]\nCOMMIT\n`;
        for (const family of [4, 6] as const) await restoreIptables(script, { netns, flavour, family });
      },
    };
  };
}

/** `wrap` stands between the backend and its doors. */
export function ipvsBackend(wrap: (kernel: IpvsKernel) => IpvsKernel = (it) => it): MakeBackend {
  return async (world, lifetime) => {
    const { nodeNetns } = world;
    const parts = ipvsParts(wrap(openIpvsKernel(nodeNetns, lifetime)));
    const ipvs = lifetime.own('IPVS of the test', openIpvs(nodeNetns), (it) => it.close());
    const netlink = lifetime.own('netlink of the test', openNetlink(nodeNetns), (it) => it.close());
    return {
      isInCgroup: false,
      apply: forgettingUdpFlows(world, lifetime, applyByParts(parts)),
      damage: async () => {
        const services = await ipvs.services();
        const refused = ipvs.apply(services.map((service) => ({ kind: 'service', verb: 'delete', service })));
        assert.deepEqual(refused, new Map());
        await netlink.apply([{ kind: 'delete-link', name: IPVS_DEVICE }]);
      },
    };
  };
}

/** The build machine's kernel may have none: test/vm runs it on one that has. */
export function hasIpvs(): boolean {
  const ipvs = openIpvs();
  try {
    return ipvs.isPresent();
  } finally {
    ipvs.close();
  }
}
