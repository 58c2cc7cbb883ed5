// Backends at work in the world of the Service contract, as suites take them.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { Lifetime } from '../../src/base/lifetime.ts';
import { ebpfServiceParts } from '../../src/backends/service-ebpf/backend.ts';
import { iptablesServiceParts } from '../../src/backends/service-iptables/backend.ts';
import { CHAINS } from '../../src/backends/service-iptables/names.ts';
import { ipvsServiceParts } from '../../src/backends/service-ipvs/backend.ts';
import { IPVS_DEVICE } from '../../src/backends/service-ipvs/kernel.ts';
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
import { ownName } from '../support/own-name.ts';

type MakeBackend = ServiceContract['makeBackend'];

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

export async function ipvsBackend(world: ServiceWorld, lifetime: Lifetime): Promise<ContractBackend> {
  const { nodeNetns } = world;
  const parts = ipvsServiceParts({ netns: nodeNetns, lifetime });
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

/** So many applications of one view may fail. */
const MAX_TRIES = 60;
const RESTORES = ['iptables', 'ip6tables'].flatMap((it) =>
  ['nft', 'legacy'].map((of) => `${it}-${of}-restore`),
);

/**
 * Iptables with programs that fail: one run in ten before it has done anything, one in twenty when it has done all. Each view is applied until it
 * holds. `onFault` is told of every failure.
 */
export function failingIptablesBackend(flavour: IptablesFlavour, onFault: () => void): MakeBackend {
  return async (world, lifetime) => {
    const backend = await iptablesBackend(flavour)(world, lifetime);
    const folder = mkdtempSync(`${tmpdir()}/${ownName('programs')}-`);
    lifetime.defer('programs that fail', () => rmSync(folder, { recursive: true }));
    for (const name of RESTORES) {
      const real = execFileSync('which', [name], { encoding: 'utf8' }).trim();
      writeFileSync(`${folder}/${name}`, failingProgram(real, `${folder}/count`));
      chmodSync(`${folder}/${name}`, 0o755);
    }
    return {
      ...backend,
      apply: async (view) => withPath(folder, () => applyUntilWell(backend, view, onFault)),
    };
  };
}

/** By the number of the run: that some fail is sure. */
function failingProgram(real: string, count: string): string {
  return `#!/bin/sh
n=$(($(cat ${count} 2>/dev/null || echo 0) + 1))
echo $n > ${count}
[ $((n % 10)) != 3 ] || { cat >/dev/null; echo "out of luck, before" >&2; exit 4; }
${real} "$@" || exit
[ $((n % 20)) != 11 ] || { echo "out of luck, after" >&2; exit 4; }
`;
}

async function applyUntilWell(
  backend: ContractBackend,
  view: Parameters<ContractBackend['apply']>[0],
  onFault: () => void,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await backend.apply(view);
      return;
    } catch (error) {
      // Where a run failed that had done all, the next one finds its rules gone already: what it says is not the program's bad luck alone.
      if (tries === MAX_TRIES) throw error;
      onFault();
    }
  }
}

async function withPath<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const { PATH = '' } = process.env;
  process.env['PATH'] = `${folder}:${PATH}`;
  try {
    return await work();
  } finally {
    process.env['PATH'] = PATH;
  }
}
