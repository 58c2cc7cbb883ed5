// From the first packet: pods that fire the moment they start, at servers on every node, one of which hears nothing of the API server meanwhile. What
// should not pass never does, not one packet; what should be connected is.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { Lifetime } from '../../src/base/lifetime.ts';
import { nodeNetns, pathRoots, podNetns } from '../../src/base/paths.ts';
import { findCgroupMount } from '../../src/sys/cgroup.ts';
import { applyNft } from '../../src/sys/nft.ts';
import { clusterName, fairlead, kubectl } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';

const NAME = clusterName('fp');
const NODES = ['node-1', 'node-2', 'node-3'] as const;
const CUT_OFF = 'node-3';
const ROOTS = pathRoots(findCgroupMount() ?? '/sys/fs/cgroup');
const FINISH_MS = 60_000;

/** How often each kind fires, per node. */
const SHOTS = 4;
const KINDS = ['good', 'bad', 'muted'] as const;
type Kind = (typeof KINDS)[number];

const lifetime = new Lifetime('first packet');
let servers: readonly PodObject[] = [];

interface PodObject {
  readonly metadata: { readonly name: string; readonly uid: string; readonly labels: { readonly app: Kind } };
  readonly spec: { readonly nodeName: string };
  readonly status: {
    readonly phase: string;
    readonly podIP?: string;
    readonly podIPs?: readonly { readonly ip: string }[];
    readonly containerStatuses?: readonly {
      readonly state: { readonly terminated?: { readonly exitCode: number } };
    }[];
  };
}

function podsOf(selector: string): readonly PodObject[] {
  const text = kubectl(NAME, ['-n', 'fire', 'get', 'pods', '-l', selector, '-o', 'json']);
  return (JSON.parse(text) as { readonly items: readonly PodObject[] }).items;
}

/** Counts who came, at the door of a server's namespace: before anything there may turn it away. */
const WATCH = `table inet seen {
  set tcp4 { type ipv4_addr; flags dynamic; size 65535; }
  set udp4 { type ipv4_addr; flags dynamic; size 65535; }
  set tcp6 { type ipv6_addr; flags dynamic; size 65535; }
  chain in {
    type filter hook prerouting priority -400;
    tcp dport 8080 update @tcp4 { ip saddr }
    udp dport 8081 update @udp4 { ip saddr }
    tcp dport 8080 update @tcp6 { ip6 saddr }
  }
}
`;

function netnsOf({ metadata: { uid } }: PodObject): string {
  return podNetns(ROOTS, NAME, uid);
}

function whoCame(server: PodObject): ReadonlySet<string> {
  const list = [`--net=${netnsOf(server)}`, 'nft', 'list', 'table', 'inet', 'seen'];
  const text = execFileSync('nsenter', list, { encoding: 'utf8' });
  const lists = [...text.matchAll(/elements = \{([^}]*)\}/g)].map((it) => it[1] ?? '');
  return new Set(lists.flatMap((it) => it.split(',').map((ip) => ip.trim())));
}

/** A pod that fires at every server at once and ends with the number that answered. */
function shooter(kind: Kind, node: string, at: number): object {
  const targets = servers.flatMap(({ status }) => (status.podIPs ?? []).map((it) => it.ip));
  const script = `for ip in ${targets.join(' ')}; do
  echo x > /dev/udp/$ip/8081
  (timeout 5 bash -c "exec 3<>/dev/tcp/$ip/8080" 2>/dev/null && echo $ip) &
done | wc -l | { read n; exit $n; }`;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${kind}-${node}-${at}`,
      namespace: 'fire',
      labels: { app: kind },
      annotations: { 'fairlead.dev/host-programs': 'fire' },
    },
    spec: {
      nodeName: node,
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'fire', image: 'fairlead/fire', command: ['bash', '-c', script] }],
    },
  };
}

/** Makes them one after the other, as a cluster does, and waits until each has ended. */
async function fire(round: number, nodes: readonly string[]): Promise<void> {
  for (let shot = 0; shot < SHOTS; shot++) {
    const pods = nodes.flatMap((node) => KINDS.map((kind) => shooter(kind, node, round * SHOTS + shot)));
    kubectl(NAME, ['apply', '-f', '-'], {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: pods }),
    });
  }
  await eventually(() => {
    const unfinished = podsOf('app in (good,bad,muted)').filter(
      ({ status }) => status.phase !== 'Succeeded' && status.phase !== 'Failed',
    );
    assert.deepEqual(
      unfinished.map((it) => it.metadata.name),
      [],
    );
  }, FINISH_MS);
}

/** How many servers answered each of the pods, by kind. */
function answers(): Readonly<Record<Kind, readonly number[]>> {
  const pods = podsOf('app in (good,bad,muted)');
  const of = (kind: Kind): readonly number[] =>
    pods
      .filter((it) => it.metadata.labels.app === kind)
      .map((it) => it.status.containerStatuses?.[0]?.state.terminated?.exitCode ?? -1);
  return { good: of('good'), bad: of('bad'), muted: of('muted') };
}

function ipsOf(kind: Kind): ReadonlySet<string> {
  return new Set(podsOf(`app=${kind}`).flatMap((it) => (it.status.podIPs ?? []).map(({ ip }) => ip)));
}

/** Every good pod was answered by every server at both of its addresses, and of the others not one packet came. */
function assertKept(): void {
  const { good, bad, muted } = answers();
  const all = servers.length * 2;
  assert.deepEqual([...new Set(good)], [all], `good pods were answered by ${good.join(', ')}`);
  assert.deepEqual([...new Set([...bad, ...muted])], [0]);
  const kept = new Set([...ipsOf('bad'), ...ipsOf('muted')]);
  assert.ok(kept.size > 0);
  for (const server of servers) {
    const came = whoCame(server);
    assert.deepEqual(
      [...came].filter((ip) => kept.has(ip)),
      [],
      `to the server on ${server.spec.nodeName}`,
    );
    assert.ok(
      [...came].some((ip) => ipsOf('good').has(ip)),
      'the watch sees what comes',
    );
  }
}

suite('first packet', () => {
  before(async () => {
    const manifest = readFileSync(new URL('first-packet.yaml', import.meta.url), 'utf8');
    const up = fairlead(['up', '--name', NAME, '--nodes', '3', '--no-check', '-q', '-f', '-'], manifest);
    assert.equal(up.code, 0, up.stderr + up.stdout);
    servers = podsOf('app=server');
    assert.equal(servers.length, NODES.length);
    for (const server of servers) await applyNft(WATCH, { netns: netnsOf(server) });
  });
  after(async () => {
    await lifetime.close();
    const down = fairlead(['down', '--name', NAME, '-q']);
    assert.equal(down.code, 0, down.stderr);
  });

  test('pods that fire as they start', async () => {
    await fire(0, NODES);
    assertKept();
  });

  test(`the same while ${CUT_OFF} hears nothing of the API server`, async () => {
    const netns = nodeNetns(ROOTS, NAME, CUT_OFF);
    await applyNft(
      'table inet cut-off { chain out { type filter hook output priority 0; tcp dport 6443-6699 drop; }; }\n',
      { netns },
    );
    await fire(
      1,
      NODES.filter((it) => it !== CUT_OFF),
    );
    assertKept();
  });
});
