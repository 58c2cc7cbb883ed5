// Every pair of a Service backend and a policy backend, of `src/backends/pairs.ts`: the example application under its policies, tried with packets, directly and through Services.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { BACKEND_PAIRS, findPair } from '../../src/backends/pairs.ts';
import { POLICY_BACKENDS, SERVICE_BACKENDS } from '../../src/backends/registry.ts';
import { hasIpvs } from '../contract/service-backends.ts';
import { clusterName, fairlead, kubectl } from '../support/cluster.ts';
import { quietMs, scaledMs } from '../support/time-scale.ts';

const NAME = clusterName('pc');
/** For the cluster to stand, and for a change of it. */
const WAIT = `${scaledMs(120)}s`;
const TESTS = 'examples/policies/shop.test.yaml';
/** Of backends that there are. */
const PAIRS = BACKEND_PAIRS.filter(
  ({ service, policy }) =>
    SERVICE_BACKENDS.some(({ name }) => name === service) &&
    POLICY_BACKENDS.some(({ name }) => name === policy),
);
const WITHOUT_IPVS = !hasIpvs() && 'this kernel has no IPVS: test/vm/README.md';

function set(setting: string): void {
  const { code, stderr, stdout } = fairlead(['set', '--name', NAME, '--timeout', WAIT, setting]);
  assert.equal(code, 0, stderr + stdout);
}

/** How long an answer may take, and how long nothing must come. */
const [PATIENCE_S, SILENCE_S] = [scaledMs(10), quietMs(1)] as const;

function podOf(app: string): string {
  const names = kubectl(NAME, ['-n', 'shop', 'get', 'pods', '-l', `app=${app}`, '-o', 'name']);
  return names.trim().split('\n')[0] ?? '';
}

/** What the pod of a workload reads of a page, or that it reads none. */
function fetched(from: string, url: string, timeoutS: number = PATIENCE_S): string {
  const wget = ['wget', '-t', '1', '-T', String(timeoutS), '-qO-', url];
  const command = ['-n', 'shop', 'exec', from, '--', 'sh', '-c', `${wget.join(' ')} || echo nothing`];
  return kubectl(NAME, command).trim();
}

/** Whoever asks why nothing comes is told: which policies isolate the pod, and what comes nearest to letting it pass. */
function assertTold(sinceMs: number): void {
  const { stdout } = fairlead(['policy', 'denied', '--name', NAME, '-o', 'json']);
  const denied = JSON.parse(stdout) as readonly Denied[];
  const order = denied.find(
    (it) => it.lastMs >= sinceMs && it.direction === 'egress' && it.from.startsWith('shop/pod/api-'),
  );
  assert.ok(order, stdout);
  assert.match(order.to, /^shop\/pod\/web-/);
  assert.deepEqual(
    order.why.isolatedBy.map((it) => it.policy),
    ['NetworkPolicy shop/api'],
  );
  assert.equal(order.why.nearest[0]?.policy, 'NetworkPolicy shop/api');
}

/** What `policy denied` says of a connection, as far as it is looked at here. */
interface Denied {
  readonly lastMs: number;
  readonly direction: string;
  readonly from: string;
  readonly to: string;
  readonly why: {
    readonly isolatedBy: readonly { readonly policy: string }[];
    readonly nearest: readonly { readonly policy: string }[];
  };
}

/** Node ports: the pages are for everybody, orders come from the pages alone. */
const PORTS = { web: 31_080, api: 31_081 } as const;

function aNodePort(app: 'web' | 'api'): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: `${app}-outside`, namespace: 'shop' },
    spec: {
      type: 'NodePort',
      selector: { app },
      ports: [{ port: 80, targetPort: 'http', nodePort: PORTS[app] }],
    },
  };
}

/** Whether this machine, which is outside, is answered by a node. */
function isReached(node: string, port: number, timeoutS: number = PATIENCE_S): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host: node, port, timeout: timeoutS * 1000 });
  socket.once('connect', () => resolve(true));
  socket.once('timeout', () => resolve(false));
  socket.once('error', () => resolve(false));
  return promise.finally(() => socket.destroy());
}

suite('policies beside Services', () => {
  let nodes: readonly string[] = [];

  before(() => {
    const up = fairlead(['up', '--name', NAME, '-q', '--no-check', '--wait', WAIT, '-f', 'examples/shop']);
    assert.equal(up.code, 0, up.stderr + up.stdout);
    kubectl(NAME, ['apply', '-f', 'examples/policies/shop.yaml']);
    const items = [aNodePort('web'), aNodePort('api')];
    kubectl(NAME, ['apply', '-f', '-'], {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
    });
    const address = '{.items[*].status.addresses[?(@.type=="InternalIP")].address}';
    nodes = kubectl(NAME, ['get', 'nodes', '-o', `jsonpath=${address}`]).split(' ');
  });
  after(() => {
    const down = fairlead(['down', '--name', NAME, '-q']);
    assert.equal(down.code, 0, down.stderr);
  });

  test('status -o wide says in which hooks policies are asked', () => {
    const { stdout } = fairlead(['status', '--name', NAME, '-o', 'wide', '--wait']);
    assert.ok(stdout.includes(findPair('ebpf', 'ebpf')?.judged ?? 'a pair'), stdout);
  });

  for (const { service, policy } of PAIRS)
    test(
      `Services by ${service}, policies by ${policy}`,
      { skip: service === 'ipvs' && WITHOUT_IPVS },
      async () => {
        set(`policy=${policy}`);
        set(`proxy=${service}`);
        const packets = fairlead(['policy', 'test', TESTS, '--cluster', NAME]);
        assert.equal(packets.code, 0, packets.stdout + packets.stderr);
        const [toolbox, api] = [podOf('toolbox'), podOf('api')];
        assert.match(fetched(toolbox, 'http://web/'), /web/, 'the pages are everybody’s');
        assert.equal(
          fetched(toolbox, 'http://api:8080/', SILENCE_S),
          'nothing',
          'orders come from the pages alone',
        );
        assert.match(fetched(api, 'http://database-read.shop-data:5432/'), /database/, 'orders are kept');
        const askedMs = Date.now();
        assert.equal(fetched(api, 'http://web/', SILENCE_S), 'nothing', 'orders go to the database alone');
        assertTold(askedMs);
        const outside = nodes.map(async (node) => [
          await isReached(node, PORTS.web),
          await isReached(node, PORTS.api, SILENCE_S),
        ]);
        for (const reached of await Promise.all(outside)) assert.deepEqual(reached, [true, false]);
      },
    );
});
