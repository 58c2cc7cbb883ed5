// Whether a pod's question reaches the DNS process at all: the programs at pods' links answer many names in its stead.

import type { KernelName } from '../agent/kernel-name.ts';
import { messageOf } from '../base/errors.ts';
import { nodePaths } from '../base/paths.ts';
import { getJson } from '../lab/cluster/unix-http.ts';
import type { ClusterAccess } from './cluster-client.ts';

export interface KernelSays {
  /** Undefined where the agent, who knows, does not say. */
  readonly isAnswered: boolean | undefined;
  readonly says: string;
}

interface KernelQuestion {
  readonly name: string;
  readonly type: string;
}

/** Of a plain question by UDP, as the C library asks it. */
export async function askKernel(
  node: string,
  question: KernelQuestion,
  { wait }: ClusterAccess,
): Promise<KernelSays> {
  const socket = nodePaths(wait.roots, wait.cluster.name, node).agentSocket;
  const query = new URLSearchParams({ name: question.name });
  try {
    // The agent is a process of ours, of this very version.
    const known = (await getJson(socket, `/kernel-name?${query.toString()}`, wait.signal)) as KernelName;
    return kernelSays(question.type, known);
  } catch (error) {
    return { isAnswered: undefined, says: `not known: ${messageOf(error)}` };
  }
}

/** Exported for tests. */
export function kernelSays(type: string, { servers, addresses }: KernelName): KernelSays {
  const family = type === 'A' ? 4 : type === 'AAAA' ? 6 : undefined;
  if (servers.length === 0) return left('the node answers no names in the kernel');
  if (family === undefined) return left(`only A and AAAA are answered in the kernel`);
  if (addresses === undefined) return left('the name is not in its map');
  const ips = addresses[family];
  const answer = ips.length === 0 ? 'no addresses of the type' : ips.join(', ');
  return { isAnswered: true, says: `${answer}; the DNS process is not asked, and would say:` };
}

function left(because: string): KernelSays {
  return { isAnswered: false, says: `left to the DNS process: ${because}` };
}
