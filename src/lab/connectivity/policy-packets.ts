// Sends what questions about policies ask, from pod to pod of a cluster that runs, and says what became of it.

import type { PacketPlan, PacketProbe } from '../../policy/packet-plan.ts';
import type { PacketAnswer, PacketOutcome } from '../../policy/packet-results.ts';
import type { DialResult } from '../workload/dial.ts';
import { dialAll, type DialAllOptions } from './dial-all.ts';

/**
 * Answers in the order of the plans. What is dropped, and what fails for another reason, is tried twice: a datagram may be lost, a pod may
 * have become ready a moment ago.
 */
export async function sendPackets(
  plans: readonly PacketPlan[],
  options: DialAllOptions,
): Promise<readonly PacketAnswer[]> {
  const probes = plans.flatMap((it) => (it.kind === 'probes' ? it.probes : []));
  const first = await dialAll(probes, options);
  const again = probes.filter((_, i) => verdictOf(first[i]) !== 'passed');
  const second = new Map((await dialAll(again, options)).map((result, i) => [again[i], result]));
  options.signal.throwIfAborted();
  const results = new Map(probes.map((probe, i) => [probe, second.get(probe) ?? first[i]]));
  return plans.map((plan) =>
    plan.kind === 'none'
      ? { kind: 'not-tried', why: plan.why }
      : { kind: 'tried', outcomes: plan.probes.map((it) => outcomeOf(it, results.get(it))) },
  );
}

function verdictOf(result: DialResult | undefined): PacketOutcome['verdict'] {
  if (result === undefined) return 'failed';
  if (result.error === undefined || result.reason === 'refused') return 'passed';
  return result.reason === 'silent' ? 'dropped' : 'failed';
}

function outcomeOf(
  { from, host, port, protocol }: PacketProbe,
  result: DialResult | undefined,
): PacketOutcome {
  const verdict = verdictOf(result);
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return {
    connection: `${from} to ${address}/${protocol}`,
    verdict,
    error: verdict === 'failed' ? (result?.error ?? 'not tried') : undefined,
  };
}
