// The doors of the node's namespace, in which the agent runs: links, settings, BPF. Opened once, closed with the lifetime.

import { openNodeBpf, type NodeBpf } from '../backends/shared-bpf/node-bpf.ts';
import { openConntrack } from '../sys/conntrack.ts';
import { openNetlink } from '../sys/netlink.ts';
import { readSysctl, writeSysctls } from '../sys/sysctl.ts';
import type { AgentContext } from './agent-context.ts';
import type { PartDoors } from './parts.ts';

export interface NodeDoors extends PartDoors {
  readonly bpf: NodeBpf;
}

export async function openNodeDoors({ config, clock, lifetime }: AgentContext): Promise<NodeDoors> {
  const netlink = lifetime.own('netlink socket', openNetlink(), (it) => it.close());
  const conntrack = lifetime.own('connection tracking', openConntrack(), (it) => it.close());
  const { pinDir, objectDir, cgroupPath } = config;
  const bpf = await openNodeBpf({ pinDir, objectDir, cgroupPath }, lifetime);
  return {
    netlink,
    conntrack,
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
