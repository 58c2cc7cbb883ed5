// Connections to the pod itself: its own loopback, IPv4 first, as programs in it would reach each other.

import type { Duplex } from 'node:stream';
import { FairleadError } from '../../../base/errors.ts';
import { parseIp } from '../../../base/ip.ts';
import { kernelPodSockets } from '../../workload/kernel-pod-sockets.ts';
import { connectInPod } from '../../workload/pod-connection.ts';
import type { PodRecord } from '../pod-record.ts';

const LOOPBACK = [parseIp('127.0.0.1'), parseIp('::1')] as const;
const TIMEOUT_MS = 10_000;

/** Throws `unavailable` naming what each family said. */
export async function connectPod(record: PodRecord, port: number): Promise<Duplex> {
  const netns = record.sandbox?.netns;
  if (netns === undefined) throw new FairleadError('unavailable', 'the pod does not run');
  const refusals: string[] = [];
  for (const ip of LOOPBACK) {
    try {
      return await connectInPod({
        sockets: kernelPodSockets,
        netns,
        to: { ip, port },
        timeoutMs: TIMEOUT_MS,
        allowHalfOpen: true,
      });
    } catch (error) {
      refusals.push(`${ip}: ${wordsOf(error)}`);
    }
  }
  throw new FairleadError(
    'unavailable',
    `failed to connect to localhost:${port} inside of the pod, ${refusals.join(', ')}`,
  );
}

function wordsOf(error: unknown): string {
  const errno = error instanceof FairleadError ? error.details['errno'] : undefined;
  if (errno === 'ECONNREFUSED') return 'connection refused';
  return typeof errno === 'string' ? errno : 'no answer';
}
