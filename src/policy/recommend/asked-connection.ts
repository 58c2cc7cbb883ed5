// Recorded connections as questions about a world, and those of them that policies may be made for.

import { FairleadError, messageOf } from '../../base/errors.ts';
import { DNS_PORT, endText, isDns, type WorldWithDns } from '../cluster-dns.ts';
import { reasonOf } from '../assertions.ts';
import { explain } from '../explanation.ts';
import { oracleJudge } from '../policy-judge.ts';
import type { PolicyVerdict } from '../../oracle/policy.ts';
import { readQuestions, type Question } from '../question.ts';
import type { RecordedConnection } from './connection-record.ts';

/** A connection that the policies of now let pass. */
export interface AskedConnection {
  readonly recorded: RecordedConnection;
  readonly question: Question;
  readonly verdict: PolicyVerdict;
}

export interface LeftOutConnection {
  readonly recorded: RecordedConnection;
  readonly why: string;
}

/** Left out is what today's policies deny: it may be what they are there for. And what has an end that is not there (any more). */
export function askConnections(
  known: WorldWithDns,
  connections: readonly RecordedConnection[],
): { readonly asked: readonly AskedConnection[]; readonly leftOut: readonly LeftOutConnection[] } {
  const { world } = known;
  const judge = oracleJudge(world);
  const [asked, leftOut]: [AskedConnection[], LeftOutConnection[]] = [[], []];
  for (const recorded of connections)
    try {
      const question = questionOf(known, recorded);
      const verdict = judge.judge(question);
      if (verdict.isAllowed) asked.push({ recorded, question, verdict });
      else leftOut.push({ recorded, why: reasonOf(explain(world, judge, question)) });
    } catch (error) {
      if (!(error instanceof FairleadError) || error.code === 'internal') throw error;
      leftOut.push({ recorded, why: messageOf(error) });
    }
  return { asked, leftOut };
}

function questionOf(known: WorldWithDns, it: RecordedConnection): Question {
  const text = {
    from: endText(known, it.from),
    to: endText(known, it.to),
    port: String(it.port),
    protocol: it.protocol,
  };
  const [question] = readQuestions(known.world, text, { namespace: 'default', family: it.family });
  if (question === undefined)
    throw new FairleadError('internal', 'A connection without a Service is one question');
  return question;
}

/** True of what every workload may do: ask for names. */
export function isNameQuestion({ to, protocol, port }: Question): boolean {
  return to.kind === 'workload' && isDns(to.workload) && port === DNS_PORT && protocol !== 'SCTP';
}

/** "shop/Deployment/web to shop/Deployment/api, TCP port 8080". */
export function connectionText({ from, to, protocol, port }: RecordedConnection): string {
  return `${from} to ${to}, ${protocol} port ${port}`;
}
