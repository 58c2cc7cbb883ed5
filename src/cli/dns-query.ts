// `fairlead dns query`: one question to a node's DNS server, with who answers and why.

import { FairleadError } from '../base/errors.ts';
import type { Explanation } from '../dns/explain.ts';
import { PODS } from '../kube/resource.ts';
import type { Pod } from '../objects/api-types.ts';
import { withCluster, type ClusterAccess } from './cluster-client.ts';
import { askKernel, type KernelSays } from './dns-kernel.ts';
import { askDns, DNS_ANSWER_MS, nodesOf } from './dns-nodes.ts';
import { printForMachine } from './output.ts';

interface QueryFlags {
  readonly name: string;
  readonly type: string;
  readonly from?: string;
  readonly node?: string;
  readonly output?: string;
}

export async function dnsQueryCommand(name: string, flags: QueryFlags): Promise<void> {
  const access = { ...flags, quiet: true, timeout: DNS_ANSWER_MS };
  const told = await withCluster(access, 'ask', (cluster) => ask(name, flags, cluster));
  if (printForMachine(told, flags.output)) return;
  process.stdout.write(queryText(told));
}

interface Told extends Explanation {
  readonly node: string;
  readonly from: string | undefined;
  /** Undefined where no program stands between who asks and the process. */
  readonly kernel: KernelSays | undefined;
}

async function ask(name: string, { type, from, node }: QueryFlags, access: ClusterAccess): Promise<Told> {
  const pod = from === undefined ? undefined : await podOf(from, access);
  const [asked = ''] = nodesOf(access, node ?? pod?.spec?.nodeName);
  const client = pod?.status?.podIP;
  const query = new URLSearchParams({
    name,
    type: type.toUpperCase(),
    searched: isSearched(name, pod) ? 'yes' : 'no',
  });
  if (client !== undefined) query.set('client', client);
  // The DNS process is one of ours, of this very version.
  const explanation = (await askDns(asked, `/explain?${query.toString()}`, access)) as Explanation;
  const hasLink = pod !== undefined && pod.spec?.hostNetwork !== true;
  const kernel = hasLink ? await askKernel(asked, explanation, access) : undefined;
  return { ...explanation, node: asked, from, kernel };
}

/** `text`: "pod/NAME" or "NAMESPACE/pod/NAME". */
function podOf(text: string, { client, wait }: ClusterAccess): Promise<Pod> {
  const match = /^(?:([a-z0-9-]+)\/)?pod\/([a-z0-9.-]+)$/.exec(text);
  if (match === null)
    throw new FairleadError(
      'invalid',
      `Cannot ask as "${text}": it is neither pod/NAME nor NAMESPACE/pod/NAME`,
    );
  const [, namespace = 'default', name = ''] = match;
  return client.get(PODS, { namespace, name }, { signal: wait.signal });
}

/** As a resolver decides it first: a name with fewer dots than ndots goes through the list (resolv.conf(5)). */
export function isSearched(name: string, pod: Pod | undefined): boolean {
  if (pod === undefined || name.endsWith('.')) return false;
  const options = pod.spec?.dnsConfig?.options ?? [];
  const ndots = Number(options.findLast((it) => it.name === 'ndots')?.value ?? CLUSTER_NDOTS);
  return name.split('.').length - 1 < ndots;
}

/** What kubelet gives to pods that ask the cluster's DNS. */
const CLUSTER_NDOTS = 5;

/** Exported for tests. */
export function queryText(told: Told): string {
  const { name, type, node, from, client, kernel, steps, rcode, answers } = told;
  const who = from === undefined ? client : `${from} (${client})`;
  const lines = [
    `${name} ${type}, asked of ${node} by ${who}`,
    ...(kernel === undefined ? [] : [`  kernel: ${name}: ${kernel.says}`]),
    ...steps.map((it) => `  ${it.by}: ${it.name}: ${it.says}`),
    rcode,
    ...answers.map((it) => `  ${it}`),
  ];
  return lines.map((line) => `${line}\n`).join('');
}
