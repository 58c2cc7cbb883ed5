// Policies of the example in a cluster: the file of tests that is judged without one holds with packets, and fails where one is opened.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { clusterName, fairlead, kubectl } from '../support/cluster.ts';
import { getText } from '../support/agent-text.ts';
import { clusterTraces } from '../support/cluster-traces.ts';

const TESTS = 'examples/policies/shop.test.yaml';
const CHANGE = 'examples/policy-changes/open-figures.yaml';

/** What is read here of `fairlead policy denied -o json`. */
interface ToldDenial {
  readonly direction: string;
  readonly from: string;
  readonly to: string;
  readonly protocolName: string;
  readonly port: number;
  readonly lastMs: number;
  readonly why?: { readonly isolatedBy: readonly { readonly policy: string }[] };
}

function toldText({ direction, from, to, protocolName, port, why }: ToldDenial): string {
  const by = why?.isolatedBy.map((it) => it.policy).join(', ');
  return `${direction} ${from} to ${to} ${protocolName} ${port}: isolated by ${by}`;
}

/** By the metrics of all nodes. */
async function deniedPackets(name: string, backend: string, direction: string): Promise<number> {
  const row = `fairlead_policy_denied_packets_total{backend="${backend}",direction="${direction}"} `;
  const texts = await Promise.all(
    ['node-1', 'node-2', 'node-3'].map((node) =>
      getText(`/run/fairlead/${name}/nodes/${node}/agent.sock`, '/metrics'),
    ),
  );
  const rows = texts.flatMap((text) => text.split('\n').filter((line) => line.startsWith(row)));
  return rows.reduce((sum, line) => sum + Number(line.slice(row.length)), 0);
}

test('fairlead policy judges a cluster, before and after a change, and by packets', async () => {
  const name = clusterName('pol');
  const raised = fairlead(['up', '--name', name, '-q', '-f', 'examples/shop', '-f', 'examples/policies']);
  try {
    assert.equal(raised.code, 0, raised.stdout + raised.stderr);
    assert.match(raised.stdout, /Connectivity: all good\..* policies deny 30 of them, which get no answer/);
    assert.match(raised.stdout, /^Policies: 13 passed, 0 failed\n9 by packets/m);
    const held = fairlead(['policy', 'test', TESTS, '--cluster', name, '-q']);
    assert.equal(held.code, 0, held.stdout + held.stderr);
    assert.match(held.stdout, /^13 passed, 0 failed\n9 by packets, 4 by the policies alone /);

    for (const backend of ['nftables', 'ebpf']) {
      const sinceMs = Date.now();
      assert.equal(fairlead(['set', `policy=${backend}`, '--name', name, '-q']).code, 0);
      assert.equal(fairlead(['policy', 'test', TESTS, '--cluster', name, '-q']).code, 0, backend);
      const told = JSON.parse(
        fairlead(['policy', 'denied', '--name', name, '-o', 'json']).stdout,
      ) as ToldDenial[];
      const texts = told.filter((it) => it.lastMs > sinceMs).map(toldText);
      for (const denied of [
        /^ingress shop-data\/pod\/database-\d to shop\/pod\/web-\S+ TCP 9113: isolated by NetworkPolicy shop\/(default-deny|web), /,
        /^egress shop\/pod\/api-\S+ to shop\/pod\/web-\S+ TCP 9113: isolated by NetworkPolicy shop\/api$/,
      ])
        assert.ok(
          texts.some((it) => denied.test(it)),
          `${backend}: ${denied} in\n${texts.join('\n')}`,
        );
      for (const direction of ['ingress', 'egress'])
        assert.ok((await deniedPackets(name, backend, direction)) > 0, `${backend} ${direction}`);
    }

    const why = fairlead(['policy', 'why', 'shop/toolbox', 'shop/service/api:http', '--cluster', name]);
    assert.equal(why.code, 0, why.stderr);
    assert.match(why.stdout, /DENIED[^]* isolated by NetworkPolicy shop\/api {2}\(cluster [^)]+\)/);

    const would = fairlead(['policy', 'diff', CHANGE, '--cluster', name]);
    assert.equal(would.code, 1, would.stderr);
    assert.match(
      would.stdout,
      /^\+ .*shop-data\/StatefulSet\/database.* to shop\/Deployment\/web, TCP 9113 \(metrics\)$/m,
    );
    assert.match(would.stdout, /, 0 closed$/m);

    kubectl(name, ['apply', '-f', CHANGE]);
    const done = fairlead(['policy', 'diff', CHANGE, '--cluster', name]);
    assert.deepEqual([done.code, done.stdout], [0, '0 opened, 0 closed\n']);
    const failed = fairlead(['policy', 'test', TESTS, '--cluster', name, '-q']);
    assert.equal(failed.code, 1, failed.stdout + failed.stderr);
    assert.match(
      failed.stdout,
      /got allow: NetworkPolicy shop\/web ingress\[1\] \(cluster [^)]+\); packets: shop-data\/database-0 to 10\.244\.\d+\.\d+:9113\/TCP passed/,
    );
    assert.match(failed.stdout, /^12 passed, 1 failed$/m);

    const both = fairlead(['policy', 'test', TESTS, '--cluster', name, '-f', 'examples/shop']);
    assert.equal(both.code, 2, both.stderr);
  } finally {
    assert.equal(fairlead(['down', '--name', name, '-q']).code, 0);
    assert.deepEqual(clusterTraces(name), []);
  }
});

/** What the shop is there for. */
const TRAFFIC = `namespace: shop
tests:
  - { from: web, to: api, port: [http, events], expect: allow }
  - { from: api, to: shop-data/database, port: sql, expect: allow }
  - { from: toolbox, to: web, port: [http, metrics], expect: allow }
`;

/** And what nobody was seen to do. */
const UNSEEN = `namespace: shop
tests:
  - { from: [web, toolbox], to: shop-data/database, port: sql, expect: deny }
  - { from: [toolbox, shop-data/database], to: api, port: http, expect: deny }
  - { from: toolbox, to: web, port: 81, expect: deny }
`;

test('fairlead policy recommend lets pass what was seen in a cluster, and nothing else', () => {
  const name = clusterName('rec');
  const folder = mkdtempSync(path.join(os.tmpdir(), 't-recommend-'));
  const inFolder = (file: string, text: string): string => {
    writeFileSync(path.join(folder, file), text);
    return path.join(folder, file);
  };
  const [traffic, unseen] = [inFolder('traffic.yaml', TRAFFIC), inFolder('unseen.yaml', UNSEEN)];
  const holds = (file: string): void => {
    const { code, stdout, stderr } = fairlead(['policy', 'test', file, '--cluster', name, '-q']);
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /\n5 by packets\n$/);
  };
  /** Of what was seen in the last two minutes. */
  const recommended = (...more: readonly string[]): string => {
    const found = fairlead(['policy', 'recommend', '--cluster', name, '--for', '0s', '-q', ...more]);
    assert.deepEqual([found.code, found.stderr], [0, '']);
    return found.stdout;
  };
  const raised = fairlead(['up', '--name', name, '-q', '-f', 'examples/shop', '--no-check']);
  assert.equal(raised.code, 0, raised.stderr);
  try {
    holds(traffic);
    const record = fairlead(['policy', 'connections', '--name', name, '-q', '-o', 'json']).stdout;
    const first = recommended();
    kubectl(name, ['apply', '-f', '-'], { input: first });
    holds(traffic);
    holds(unseen);

    const byFiles = ['-f', 'examples/shop', '--connections', inFolder('record.json', record)];
    const withoutCluster = fairlead(['policy', 'recommend', ...byFiles]).stdout;
    const withoutHead = (text: string): string => text.slice(text.indexOf('---'));
    assert.equal(withoutHead(withoutCluster), withoutHead(first));

    // The check goes from every pod to every Service: what it needs is seen, and then allowed.
    kubectl(name, ['delete', '-f', '-'], { input: first });
    const check = ['connectivity', 'test', '--name', name, '-q'];
    assert.equal(fairlead(check).code, 0);
    kubectl(name, ['apply', '-f', '-'], { input: recommended('-n', 'shop', '-n', 'shop-data') });
    // Waits for the policies.
    holds(traffic);
    const again = fairlead(check);
    assert.equal(again.code, 0, again.stdout + again.stderr);
    assert.doesNotMatch(again.stdout, /policies deny [1-9]/);
  } finally {
    rmSync(folder, { recursive: true });
    assert.equal(fairlead(['down', '--name', name, '-q']).code, 0);
    assert.deepEqual(clusterTraces(name), []);
  }
});
