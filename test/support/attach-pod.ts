// A namespace attached to an agent's node as a container runtime does it.

import assert from 'node:assert/strict';
import type { Lifetime } from '../../src/base/lifetime.ts';
import { createNetns, deleteNetns } from '../../src/sys/netns.ts';
import type { AgentNode } from './agent-node.ts';
import { runCni } from './cni-executable.ts';

export interface AttachedPod {
  /** Made here, and gone with the lifetime. */
  readonly netns: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string | undefined;
}

/** The status that its Pod has from then on. */
export async function attachPod(
  { config: { cniSocket } }: Pick<AgentNode, 'config'>,
  { netns, namespace, name, uid }: AttachedPod,
  lifetime: Lifetime,
): Promise<{ phase: string; podIP: string; podIPs: { ip: string }[] }> {
  createNetns(netns);
  lifetime.defer('pod namespace', () => deleteNetns(netns));
  const { code, stdout, json } = await runCni({
    command: 'ADD',
    containerId: name,
    netns,
    ifname: 'eth0',
    args: `K8S_POD_NAMESPACE=${namespace};K8S_POD_NAME=${name};K8S_POD_UID=${uid}`,
    config: { cniVersion: '1.1.0', name: 'fairlead', type: 'fairlead-cni', socket: cniSocket },
  });
  assert.equal(code, 0, stdout);
  const ips = json?.['ips'] as readonly { readonly address: string }[];
  const podIPs = ips.map(({ address }) => ({ ip: address.split('/')[0] ?? '' }));
  return { phase: 'Running', podIP: podIPs[0]?.ip ?? '', podIPs };
}
