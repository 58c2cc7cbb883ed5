// `fairlead policy connections`: what the pods of a cluster have to do with whom, as a record.

import type { LearnedName } from '../agent/name-learner.ts';
import type { SeenConnections } from '../agent/seen-connections.ts';
import { messageOf } from '../base/errors.ts';
import { nodePaths } from '../base/paths.ts';
import { ENDPOINT_SLICES } from '../kube/resource.ts';
import { getJson } from '../lab/cluster/unix-http.ts';
import { listPolicyObjects } from '../lab/connectivity/policy-objects.ts';
import type { EndpointSlice } from '../objects/api-types.ts';
import { SERVICE_NAME_LABEL } from '../objects/endpoint-slice.ts';
import { AddressBook } from '../policy/recommend/address-book.ts';
import { recordForm, type ConnectionRecord } from '../policy/recommend/connection-record.ts';
import { ConnectionRecorder } from '../policy/recommend/connection-recorder.ts';
import { isOfPolicyWorld } from '../policy/policy-world.ts';
import { withCluster, type ClusterAccess } from './cluster-client.ts';
import { printForMachine, table } from './output.ts';
import { answering, worldOf } from './policy-input.ts';

export interface RecordFlags {
  /** How long the nodes are asked again and again, in milliseconds. */
  readonly for: number;
  readonly quiet?: boolean;
}

/** Whatever ends stays in connection tracking for longer: TCP that was closed well for two minutes, answered datagrams for thirty seconds. */
const EVERY_MS = 2_000;
/** Beside the time of recording. */
const ANSWER_MS = 30_000;

export function policyConnectionsCommand(
  flags: RecordFlags & { readonly name: string; readonly output?: string },
): Promise<void> {
  return answering(async () => {
    const record = await recordConnections(flags.name, flags);
    if (!printForMachine(recordForm(record), flags.output)) process.stdout.write(recordText(record));
  });
}

/** Asks every node of a cluster of this machine once, and again until the time is over. */
export function recordConnections(name: string, flags: RecordFlags): Promise<ConnectionRecord> {
  const { for: forMs, quiet = false } = flags;
  return withCluster({ name, quiet, timeout: forMs + ANSWER_MS }, 'ask', async (access) => {
    const { wait, progress } = access;
    const { clock, signal } = wait;
    const [startedAt, startMs] = [new Date(clock.nowMs()).toISOString(), clock.monotonicMs()];
    const recorder = new ConnectionRecorder();
    const passedMs = (): number => clock.monotonicMs() - startMs;
    progress.step('record connections');
    for (let hasLooked = false; ;) {
      const failure = await failureOf(recordOnce(recorder, access));
      signal.throwIfAborted();
      hasLooked ||= failure === undefined;
      const leftMs = forMs - passedMs();
      // An agent that starts anew costs a look, not all that was recorded; one that is away at the end was away for long, for all we know.
      if (failure !== undefined && (!hasLooked || leftMs <= 0)) throw failure;
      if (leftMs <= 0) break;
      const trouble = failure === undefined ? '' : `, ${failure.message}`;
      progress.detail(`${recorder.count} until now, ${Math.ceil(leftMs / 1000)} s to go${trouble}`);
      await clock.sleep(Math.min(EVERY_MS, leftMs), signal);
    }
    return recorder.record({ startedAt, seconds: Math.round(passedMs() / 1000) });
  });
}

function failureOf(work: Promise<void>): Promise<Error | undefined> {
  return work.then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error : new Error(messageOf(error), { cause: error })),
  );
}

/** Names are those of the moment: an address may be another pod's soon. */
async function recordOnce(recorder: ConnectionRecorder, { client, wait }: ClusterAccess): Promise<void> {
  const { cluster, roots, signal } = wait;
  const seen = await Promise.all(
    cluster.nodes.map(async ({ name }) => {
      const socket = nodePaths(roots, cluster.name, name).agentSocket;
      // The agent is a process of ours, of this very version.
      const connections = (await getJson(socket, '/connections', signal)) as SeenConnections;
      const learned = (await getJson(socket, '/names', signal)) as readonly LearnedName[];
      return { name, learned, ...connections };
    }),
  );
  const objects = await listPolicyObjects(client, `cluster ${cluster.name}`, signal);
  const { items: slices } = await client.list(ENDPOINT_SLICES, {}, { signal });
  const world = worldOf(objects.filter(isOfPolicyWorld), { filename: [] });
  const book = new AddressBook(world, servicesByAddress(slices));
  for (const { name, connections, learned, leftOut } of seen) {
    recorder.noteNames(learned);
    recorder.note(connections, book);
    recorder.noteLeftOut(name, leftOut);
  }
}

function servicesByAddress(slices: readonly EndpointSlice[]): ReadonlyMap<string, string> {
  return new Map(
    slices.flatMap(({ metadata, endpoints }) => {
      const service = metadata.labels?.[SERVICE_NAME_LABEL];
      if (service === undefined) return [];
      return endpoints
        .flatMap((it) => it.addresses)
        .map((ip) => [ip, `${metadata.namespace}/${service}`] as const);
    }),
  );
}

function recordText({ connections, names, leftOut }: ConnectionRecord): string {
  const nameOf = (text: string): string => {
    const known = names.get(text);
    return known === undefined ? text : `${text} (${known})`;
  };
  const rows = connections.map(({ from, to, protocol, port, connections: count, isAnswered }) => [
    nameOf(from),
    nameOf(to),
    `${protocol} ${port}`,
    `${count}${isAnswered ? '' : ', never answered'}`,
  ]);
  const more = leftOut === 0 ? '' : `Nodes had no room for ${leftOut} more.\n`;
  return rows.length === 0
    ? `No connection of a pod was seen.\n${more}`
    : table(['FROM', 'TO', 'PORT', 'CONNECTIONS'], rows) + more;
}
