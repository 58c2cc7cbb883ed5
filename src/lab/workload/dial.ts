// Connections tried from inside a pod's namespace, by name: what a connectivity check asks a node's workload process for.

import { FairleadError, hasCode, messageOf } from '../../base/errors.ts';
import { Lifetime } from '../../base/lifetime.ts';
import { kernelPodSockets } from './kernel-pod-sockets.ts';
import { PodNet } from './pod-net.ts';
import { resolveForPod } from './pod-resolver.ts';

export interface DialTarget {
  readonly host: string;
  readonly port: number;
  readonly protocol: 'TCP' | 'UDP';
}

export interface DialRequest {
  /** Path of the pod's network namespace. */
  readonly netns: string;
  /** Host paths of the pod's resolver files. */
  readonly resolvConf: string;
  readonly hosts: string;
  readonly targets: readonly DialTarget[];
  /** For each target, its name included. */
  readonly timeoutMs: number;
}

/** `error` is undefined for success; `ms` is the time of name and connection together. */
export interface DialResult {
  readonly ms?: number;
  readonly error?: string;
  /** Of an error: the packet came there and nobody listens, or nothing came back in time. Undefined of any other. */
  readonly reason?: 'refused' | 'silent';
}

/** What agnhost and our stand-ins answer over UDP; others may keep silent, which is then a failure of the check to be judged by people. */
const UDP_QUESTION = Buffer.from('hostname');

/** Tries the targets one after the other; never throws for one that fails. */
export async function runDial(request: DialRequest): Promise<readonly DialResult[]> {
  const lifetime = new Lifetime('dial');
  const { netns } = request;
  const podNet: PodNet = new PodNet({
    netns,
    sockets: kernelPodSockets,
    resolve: (name) => resolveForPod(request, name, podNet),
    lifetime,
  });
  const results: DialResult[] = [];
  try {
    for (const target of request.targets) results.push(await dialOne(podNet, target, request.timeoutMs));
  } finally {
    await lifetime.close();
  }
  return results;
}

async function dialOne(podNet: PodNet, target: DialTarget, timeoutMs: number): Promise<DialResult> {
  const startedMs = performance.now();
  try {
    if (target.protocol === 'UDP') await podNet.askUdp(target.host, target.port, UDP_QUESTION, timeoutMs);
    else (await podNet.dialTcp(target.host, target.port, timeoutMs)).destroy();
    return { ms: performance.now() - startedMs };
  } catch (error) {
    const reason = reasonOf(error);
    return { error: messageOf(error), ...(reason === undefined ? {} : { reason }) };
  }
}

function reasonOf(error: unknown): DialResult['reason'] {
  if (hasCode(error, 'timeout')) return 'silent';
  return error instanceof FairleadError && error.details['errno'] === 'ECONNREFUSED' ? 'refused' : undefined;
}
