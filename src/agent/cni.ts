// The CNI server with the agent's real doors: the node's links, its data path, its remembered prefixes.

import path from 'node:path';
import type { PodDatapath, WaitForPolicy } from '../cni/doors.ts';
import type { CniEvent } from '../cni/cni-service.ts';
import { bootIdentity, openNodeDoor, openPodDoor } from '../cni/kernel-doors.ts';
import { startCniServer, type CniServer } from '../cni/server.ts';
import type { AgentContext } from './agent-context.ts';
import type { NodeMemory } from './node-memory.ts';

export interface CniParts {
  readonly memory: NodeMemory;
  readonly datapath: PodDatapath;
  readonly waitForPolicy: WaitForPolicy;
  readonly report: (event: CniEvent) => void;
}

/** Serves the CNI socket until the lifetime ends. */
export async function startCni(context: AgentContext, parts: CniParts): Promise<CniServer> {
  const { config, clock, lifetime } = context;
  const node = lifetime.own('CNI door of the node', openNodeDoor(), (it) => it.close());
  return startCniServer(
    {
      socketPath: config.cniSocket,
      leasesFile: path.join(config.stateDir, 'leases.db'),
      boot: bootIdentity(node),
      node,
      openPod: openPodDoor,
      datapath: parts.datapath,
      waitForPolicy: parts.waitForPolicy,
      network: () => parts.memory.network,
      clock,
      log: parts.report,
    },
    lifetime,
  );
}
