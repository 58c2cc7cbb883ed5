// `fairlead service show`: what each node's kernel holds for a Service.

import { FairleadError } from '../base/errors.ts';
import { nodePaths } from '../base/paths.ts';
import type { FrontendReceipt, ServiceReceipt } from '../agent/service-receipt.ts';
import { SERVICES } from '../kube/resource.ts';
import { getJson } from '../lab/cluster/unix-http.ts';
import { withCluster, type ClusterAccess } from './cluster-client.ts';
import { printForMachine, table } from './output.ts';

interface ShowFlags {
  readonly name: string;
  readonly namespace: string;
  readonly output?: string;
}

const ANSWER_MS = 10_000;

/** A node's answer, or why there is none. */
type NodeAnswer = ServiceReceipt | { readonly node: string; readonly problem: string };

export async function serviceShowCommand(text: string, flags: ShowFlags): Promise<void> {
  const service = readServiceName(text, flags.namespace);
  const answers = await withCluster({ ...flags, quiet: true, timeout: ANSWER_MS }, 'show', async (access) => {
    await access.client.get(SERVICES, service, { signal: access.wait.signal });
    return Promise.all(access.wait.cluster.nodes.map(({ name }) => askNode(name, service, access)));
  });
  if (!printForMachine({ ...service, nodes: answers }, flags.output)) {
    process.stdout.write(answers.map((it) => nodeText(it, flags.output === 'wide')).join('\n'));
  }
  if (answers.some((it) => 'problem' in it)) process.exitCode = 1;
}

/** "web", "shop/web" or "service/web". */
export function readServiceName(
  text: string,
  namespace: string,
): { readonly namespace: string; readonly name: string } {
  const parts = text.replace(/^(service|services|svc)\//, '').split('/');
  const [first, second, ...rest] = parts;
  if (first === undefined || first === '' || second === '' || rest.length > 0) {
    throw new FairleadError('invalid', `Cannot find Service "${text}": write NAME or NAMESPACE/NAME`);
  }
  return second === undefined ? { namespace, name: first } : { namespace: first, name: second };
}

async function askNode(
  node: string,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  { wait }: ClusterAccess,
): Promise<NodeAnswer> {
  const socket = nodePaths(wait.roots, wait.cluster.name, node).agentSocket;
  const query = new URLSearchParams({ namespace, name });
  try {
    // The agent is a process of ours, of this very version.
    return (await getJson(socket, `/service?${query.toString()}`, wait.signal)) as ServiceReceipt;
  } catch (error) {
    return { node, problem: error instanceof Error ? error.message : String(error) };
  }
}

/** What one node says, for people; `isWide` adds the entries themselves. */
export function nodeText(answer: NodeAnswer, isWide: boolean): string {
  if ('problem' in answer) return `${answer.node}: ${answer.problem}\n`;
  const versions = Object.entries(answer.programmed)
    .filter(([kind]) => kind === 'Service' || kind === 'EndpointSlice')
    .map(([kind, version]) => `${kind} ${version}`)
    .join(', ');
  const head = `${answer.node}: by ${answer.backend ?? 'nobody yet'}, as of ${versions === '' ? 'nothing yet' : versions}\n`;
  if (answer.frontends.length === 0) return `${head}  no frontend: the Service has no address\n`;
  const rows = answer.frontends.map((it) => [
    `  ${it.key}`,
    it.scope,
    stateText(it),
    it.writtenAtMs === undefined ? '-' : new Date(it.writtenAtMs).toISOString(),
    endpointsText(it),
  ]);
  const lines = answer.frontends.flatMap((it) => it.lines.map((line) => `    ${line}\n`));
  const kernel = isWide && lines.length > 0 ? `  in the kernel:\n${lines.join('')}` : '';
  const failures = answer.frontends.map(failureText).join('');
  const notes = answer.notes.map((it) => `  note: ${it}\n`).join('');
  return `${head}${table(['  FRONTEND', 'KIND', 'STATE', 'SINCE', 'ENDPOINTS'], rows)}${failures}${notes}${kernel}`;
}

function stateText({ state }: FrontendReceipt): string {
  const words = { done: 'programmed', pending: 'PENDING', error: 'FAILED', 'left-alone': 'left to the node' };
  return words[state];
}

function failureText({ failure }: FrontendReceipt): string {
  if (failure === undefined) return '';
  const [since, next] = [failure.sinceMs, failure.nextTryMs].map((it) => new Date(it).toISOString());
  return `  failed (try ${failure.attempts}, since ${since}, next at ${next}): ${failure.error}\n`;
}

function endpointsText({ inside, outside, state }: FrontendReceipt): string {
  if (state === 'left-alone') return 'the node itself';
  const text = (list: readonly string[]): string => (list.length === 0 ? 'none' : list.join(', '));
  const isSame = inside.join() === outside.join();
  return isSame ? text(inside) : `inside: ${text(inside)}; outside: ${text(outside)}`;
}
