// A node with pods for tests of policies, and everybody else behind one link: other nodes, their pods, the outside.
//
//   far (all other addresses) <-- eth0 --> node 192.0.2.1      pods, each in a namespace of its own

import { familyOf, type Ip } from '../../src/base/ip.ts';
import type { Lifetime } from '../../src/base/lifetime.ts';
import { macFromSeed, type Mac } from '../../src/base/mac.ts';
import { mountBpffs } from '../support/bpffs.ts';
import { ownName } from '../support/own-name.ts';
import { batch, makeNetns, run } from './service-netns.ts';
import { makePod, NODE_SYSCTLS, type WorldPod } from './service-world.ts';

export interface PolicyWorldPlan {
  /** Pods of the node by "namespace/name". */
  readonly pods: ReadonlyMap<string, readonly [Ip, Ip]>;
  readonly nodeIps: readonly Ip[];
  /** Everybody else's addresses. */
  readonly far: readonly Ip[];
}

export interface PolicyWorld {
  /** Paths of namespaces. */
  readonly nodeNetns: string;
  readonly farNetns: string;
  readonly pinDir: string;
  readonly pods: ReadonlyMap<string, WorldPod>;
}

/** What both ends of the link to the far side are called by; nobody speaks from there. */
const LINK = { node: ['100.64.0.1', 'fdcc::1'], far: ['100.64.0.2', 'fdcc::2'] } as const;

/** A builder of such a world, whoever makes the pods' links. */
export type BuildPolicyWorld = (
  plan: PolicyWorldPlan,
  lifetime: Lifetime,
) => PolicyWorld | Promise<PolicyWorld>;

/** Builds the world. Run as root. */
export function buildPolicyWorld(plan: PolicyWorldPlan, lifetime: Lifetime): PolicyWorld {
  const id = ownName('pol');
  const [node, far] = [`${id}-node`, `${id}-far`];
  makeNetns(node, lifetime);
  makeNetns(far, lifetime);
  run('ip', ['netns', 'exec', node, 'sysctl', '-qw', ...NODE_SYSCTLS]);
  const macs = { node: macFromSeed('node'), far: macFromSeed('far') };
  const other = ['peer', 'name', 'eth0', 'address', macs.far, 'netns', far];
  run('ip', ['-n', node, 'link', 'add', 'eth0', 'address', macs.node, 'type', 'veth', ...other]);
  batch(node, [
    ...linkLines(LINK.node),
    ...neighbourLines(LINK.far, macs.far),
    ...plan.nodeIps.map((ip) => addressLine(ip)),
    `route add default via ${LINK.far[0]} dev eth0`,
    `-6 route add default via ${LINK.far[1]} dev eth0`,
  ]);
  batch(far, [
    ...linkLines(LINK.far),
    ...neighbourLines(LINK.node, macs.node),
    ...plan.far.map((ip) => addressLine(ip)),
    `route add default via ${LINK.node[0]} dev eth0`,
    `-6 route add default via ${LINK.node[1]} dev eth0`,
  ]);
  const pods = [...plan.pods].map(([key, ips], at) => {
    return [key, makePod({ id, node, name: `p${at}`, ips }, lifetime)] as const;
  });
  return {
    nodeNetns: `/run/netns/${node}`,
    farNetns: `/run/netns/${far}`,
    pinDir: `${mountBpffs(lifetime)}/node`,
    pods: new Map(pods),
  };
}

function linkLines([v4, v6]: readonly [string, string]): readonly string[] {
  return ['link set eth0 up', `addr add ${v4}/24 dev eth0`, `-6 addr add ${v6}/64 dev eth0 nodad`];
}

/** While a neighbour is looked for, datagrams to it are lost. */
function neighbourLines([v4, v6]: readonly [string, string], mac: Mac): readonly string[] {
  return [v4, v6].map((ip) => {
    const line = `neigh add ${ip} lladdr ${mac} dev eth0 nud permanent`;
    return ip.includes(':') ? `-6 ${line}` : line;
  });
}

function addressLine(ip: Ip): string {
  return familyOf(ip) === 4 ? `addr add ${ip}/32 dev eth0` : `-6 addr add ${ip}/128 dev eth0 nodad`;
}
