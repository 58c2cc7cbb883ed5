// `fairlead policy denied`: what policies denied lately on the nodes of a cluster, and why.

import type { DeniedConnection } from '../agent/denied-connections.ts';
import { messageOf } from '../base/errors.ts';
import { nodePaths } from '../base/paths.ts';
import { familyOf, type Ip } from '../base/ip.ts';
import { PROTOCOL_NUMBERS } from '../base/port.ts';
import { getJson } from '../lab/cluster/unix-http.ts';
import { DNS_END, dnsAddresses, endText, withDns, type WorldWithDns } from '../policy/cluster-dns.ts';
import { explain, type Explanation, type SideExplanation } from '../policy/explanation.ts';
import { oracleJudge, type PolicyJudge } from '../policy/policy-judge.ts';
import { readQuestions } from '../policy/question.ts';
import { withCluster, type ClusterAccess } from './cluster-client.ts';
import { podsByAddress } from './dns-nodes.ts';
import { printForMachine } from './output.ts';
import { loadObjects, podCidrsOf } from './policy-input.ts';

interface DeniedFlags {
  readonly name: string;
  readonly output?: string;
}

const ANSWER_MS = 10_000;

/** A denied connection with the names of its ends, where they have any now. */
interface ToldConnection extends DeniedConnection {
  readonly node: string;
  readonly from: string;
  readonly to: string;
  readonly protocolName: string;
  /** Why, by the objects of now: undefined where an end is gone, or where it would be allowed by now. */
  readonly why: SideExplanation | undefined;
}

export async function policyDeniedCommand(flags: DeniedFlags): Promise<void> {
  const objects = await loadObjects({ cluster: flags.name, filename: [] });
  const known = withDns(objects, { podCidrs: podCidrsOf({ filename: [] }) });
  const judge = oracleJudge(known.world);
  const told = await withCluster({ ...flags, quiet: true, timeout: ANSWER_MS }, 'ask', async (access) => {
    const names = new Map([...dnsNames(known), ...(await podsByAddress(access))]);
    const lists = await Promise.all(
      access.wait.cluster.nodes.map(async ({ name: node }) =>
        (await deniedOn(node, access)).map((it) => tellDenied({ ...it, node }, { known, judge, names })),
      ),
    );
    return lists.flat().toSorted((a, b) => b.lastMs - a.lastMs);
  });
  if (printForMachine(told, flags.output)) return;
  process.stdout.write(
    told.length === 0 ? 'No policy has denied anything lately.\n' : told.map(textOf).join(''),
  );
}

async function deniedOn(node: string, { wait }: ClusterAccess): Promise<readonly DeniedConnection[]> {
  const socket = nodePaths(wait.roots, wait.cluster.name, node).agentSocket;
  // The agent is a process of ours, of this very version.
  return (await getJson(socket, '/denied', wait.signal)) as readonly DeniedConnection[];
}

function dnsNames({ world }: WorldWithDns): readonly (readonly [string, string])[] {
  return dnsAddresses(world).map((ip) => [ip, DNS_END]);
}

interface Telling {
  readonly known: WorldWithDns;
  readonly judge: PolicyJudge;
  /** By address. */
  readonly names: ReadonlyMap<string, string>;
}

/** Exported for tests. */
export function tellDenied(
  denied: DeniedConnection & { readonly node: string },
  telling: Telling,
): ToldConnection {
  const { names } = telling;
  const [from, to] = [denied.source, denied.destination].map((ip) => names.get(ip) ?? ip) as [string, string];
  const protocolName =
    Object.entries(PROTOCOL_NUMBERS).find(([, number]) => number === denied.protocol)?.[0] ??
    `protocol ${denied.protocol}`;
  const explanation = explained(telling, { from, to, port: denied.port, protocolName, ip: denied.source });
  return { ...denied, from, to, protocolName, why: explanation?.[denied.direction] };
}

interface Asked {
  readonly from: string;
  readonly to: string;
  readonly port: number;
  readonly protocolName: string;
  readonly ip: Ip;
}

/** None where an end is not there any more, or the protocol has no ports. */
function explained(
  { known, judge }: Telling,
  { from, to, port, protocolName, ip }: Asked,
): Explanation | undefined {
  if (!Object.hasOwn(PROTOCOL_NUMBERS, protocolName)) return undefined;
  try {
    const ends = { from: endText(known, from), to: endText(known, to) };
    const text = { ...ends, port: String(port), protocol: protocolName };
    const [question] = readQuestions(known.world, text, { namespace: 'default', family: familyOf(ip) });
    return question && explain(known.world, judge, question);
  } catch (error) {
    process.stderr.write(`fairlead: ${from} to ${to}: ${messageOf(error)}\n`);
    return undefined;
  }
}

function textOf({
  from,
  to,
  port,
  protocolName,
  direction,
  packets,
  lastMs,
  node,
  why,
}: ToldConnection): string {
  const at = new Date(lastMs).toISOString();
  const head = `${from} to ${to}, ${protocolName} port ${port}: ${direction} denied on ${node}, ${packets} packets, last ${at}\n`;
  return (
    head +
    whyLines(why)
      .map((line) => `  ${line}\n`)
      .join('')
  );
}

function whyLines(why: SideExplanation | undefined): readonly string[] {
  if (why === undefined) return ['the objects of now do not tell why'];
  if (why.decision === 'denied') return [`denied by ${why.rule?.policy} ${why.rule?.rule}`];
  if (why.decision !== 'isolated') return ['the policies of now would let it pass'];
  const [nearest] = why.nearest;
  return [
    `isolated by ${why.isolatedBy.map((it) => it.policy).join(', ')}`,
    nearest === undefined
      ? 'these have no rules for the direction'
      : `nearest: ${nearest.policy} ${nearest.rule} would match if ${nearest.needs.join(', and ')}`,
  ];
}
