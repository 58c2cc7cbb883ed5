// The doors of the node's namespace, in which the agent runs: links, settings, BPF. Opened once, closed with the lifetime.

import { totalmem } from 'node:os';
import type { MapGrowth } from '../backends/shared-bpf/growing-map.ts';
import { sizesForMachine } from '../backends/shared-bpf/map-sizes.ts';
import { openNodeBpf, type NodeBpf } from '../backends/shared-bpf/node-bpf.ts';
import { openConntrack } from '../sys/conntrack.ts';
import { openNetlink } from '../sys/netlink.ts';
import { checkSocketsEnd, openSockDiag, type SockDiag } from '../sys/sock-diag.ts';
import { readSysctl, writeSysctls } from '../sys/sysctl.ts';
import type { AgentContext } from './agent-context.ts';
import type { PartDoors } from './parts.ts';

export interface NodeDoors extends PartDoors {
  readonly bpf: NodeBpf;
}

export async function openNodeDoors(context: AgentContext): Promise<NodeDoors> {
  const { config, clock, lifetime } = context;
  const netlink = lifetime.own('netlink socket', openNetlink(), (it) => it.close());
  const conntrack = lifetime.own('connection tracking', openConntrack(), (it) => it.close());
  const { pinDir, objectDir, cgroupPath } = config;
  const maxEntries = new Map([...sizesForMachine(totalmem(), config.flowEntries), ...config.mapLimits]);
  const onGrowth = (growth: MapGrowth): void => logGrowth(context, growth);
  const bpf = await openNodeBpf({ pinDir, objectDir, cgroupPath, maxEntries, onGrowth }, lifetime);
  return {
    netlink,
    conntrack,
    sockets: await openSockets(context),
    maps: bpf.maps,
    clock,
    nodeLinks: bpf.nodeLinks,
    lifetime,
    bpf,
    sysctl: {
      readSysctl: (key) => readSysctl(undefined, key),
      writeSysctls: (values) => writeSysctls(undefined, Object.fromEntries(values)),
    },
  };
}

function logGrowth({ log }: AgentContext, { map, from, to, error }: MapGrowth): void {
  if (error === undefined) log.info({ map, from, to }, `BPF map ${map} has grown to ${to} entries`);
  else log.warn({ map, from, to, err: error }, `BPF map ${map} cannot grow: it goes on with ${from} entries`);
}

/** Undefined where the kernel ends no sockets: such a node does without, and `doctor` says what that means. */
async function openSockets({ lifetime, log }: AgentContext): Promise<SockDiag | undefined> {
  try {
    await checkSocketsEnd();
  } catch (error) {
    log.warn(
      { err: error },
      'Connected UDP sockets of this node keep endpoints that are gone: the kernel ends no sockets',
    );
    return undefined;
  }
  return lifetime.own('socket diagnosis', openSockDiag(), (it) => it.close());
}
