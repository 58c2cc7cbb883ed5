// Assertions against what packets did, beside what the policies say.

import type { AssertionResult } from './assertions.ts';

/** What became of one connection. */
export interface PacketOutcome {
  /** "shop/web-1 to 10.244.1.3:8080". */
  readonly connection: string;
  /** Passed: answered, or refused by the pod itself. Dropped: nothing came back. */
  readonly verdict: 'passed' | 'dropped' | 'failed';
  /** Of `failed`: why. */
  readonly error: string | undefined;
}

export type PacketAnswer =
  | { readonly kind: 'tried'; readonly outcomes: readonly PacketOutcome[] }
  | { readonly kind: 'not-tried'; readonly why: string };

export interface PacketResult extends AssertionResult {
  readonly packets: PacketAnswer;
}

/** What is said of the packets comes after what is said of the policies; a connection that failed for another reason is a failure, too. */
export function withPackets(result: AssertionResult, packets: PacketAnswer): PacketResult {
  if (packets.kind === 'not-tried') return { ...result, packets };
  const wanted = result.assertion.expect === 'allow' ? 'passed' : 'dropped';
  const wrong = packets.outcomes.filter((it) => it.verdict !== wanted);
  if (wrong.length === 0 && result.failure === undefined) return { ...result, packets };
  const texts = (wrong.length === 0 ? packets.outcomes : wrong).map(outcomeText);
  const said = result.failure ?? `expected ${result.assertion.expect}, which the policies say, too`;
  return { ...result, packets, failure: `${said}; packets: ${texts.join(', ')}` };
}

function outcomeText({ connection, verdict, error }: PacketOutcome): string {
  return `${connection} ${verdict}${error === undefined ? '' : ` (${error})`}`;
}

/** "12 by packets, 1 by the policies alone (connections begin in pods alone)". */
export function packetCountText(results: readonly PacketResult[]): string {
  const reasons = results.flatMap(({ packets }) => (packets.kind === 'not-tried' ? [packets.why] : []));
  const tried = `${results.length - reasons.length} by packets`;
  if (reasons.length === 0) return tried;
  return `${tried}, ${reasons.length} by the policies alone (${[...new Set(reasons)].join('; ')})`;
}
