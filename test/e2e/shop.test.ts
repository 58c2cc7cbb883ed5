// The whole product as its first user meets it: up, look around with kubectl, up again, down; the machine is as before.

import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { clusterName, fairlead, kubectl } from '../support/cluster.ts';
import { changedLines, machinePicture, type MachinePicture } from '../support/machine.ts';

const NAME = clusterName('sh');

interface Summary {
  readonly isNew: boolean;
  readonly nodes: readonly unknown[];
  readonly pods: readonly {
    readonly namespace: string;
    readonly name: string;
    readonly node: string;
    readonly ips: readonly string[];
    readonly servedBy: readonly string[];
  }[];
  readonly servedBy: Readonly<Record<string, number>>;
  readonly applied: Readonly<Record<string, number>>;
  readonly connectivity: {
    readonly probes: number;
    readonly acrossNodes: number;
    readonly failures: readonly unknown[];
  };
}

suite('the shop', () => {
  let before_: MachinePicture;
  let summary: Summary;

  before(() => {
    before_ = machinePicture();
    const result = fairlead(['up', '--name', NAME, '-f', 'examples/shop', '-o', 'json']);
    assert.equal(result.code, 0, result.stderr);
    summary = JSON.parse(result.stdout) as Summary;
  });

  after(() => {
    const result = fairlead(['down', '--name', NAME]);
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(changedLines(before_, machinePicture(), NAME), []);
  });

  test('up gives three nodes, dual-stack pods on all of them, and every Service answers every pod by name', () => {
    assert.equal(summary.nodes.length, 3);
    const shop = summary.pods.filter((pod) => pod.namespace.startsWith('shop'));
    assert.equal(shop.length, 10);
    assert.equal(new Set(shop.map((pod) => pod.node)).size, 3);
    assert.ok(shop.every((pod) => pod.ips.length === 2 && pod.ips[1]?.includes(':') === true));
    assert.ok(summary.connectivity.acrossNodes > 0);
    assert.deepEqual(summary.connectivity.failures, []);
  });

  test('nothing pretends to be its image: kubectl, up and status say what runs in its place', () => {
    const table = kubectl(NAME, ['get', 'pods', '-A', '-o', 'wide']).trim().split('\n');
    const servedBy = (app: string) =>
      table
        .find((line) => line.includes(` ${app}-`))
        ?.split(/ {2,}/)
        .at(-1);
    assert.equal(table[0]?.split(/ {2,}/).at(-1), 'SERVED BY');
    assert.deepEqual(['web', 'api', 'database', 'toolbox'].map(servedBy), [
      'fairlead/web,fairlead/agnhost',
      'fairlead/agnhost',
      'stand-in',
      'fairlead/sleep',
    ]);
    assert.doesNotMatch(kubectl(NAME, ['get', 'pods', '-A']), /SERVED BY/);
    const database = summary.pods.find((pod) => pod.name.startsWith('database'));
    assert.deepEqual(database?.servedBy, ['stand-in']);
    assert.deepEqual(summary.servedBy, { agnhost: 5, web: 3, sleep: 3, 'stand-in': 2 });
    const line =
      'In the place of images: 5 fairlead/agnhost, 3 fairlead/web, 3 fairlead/sleep, 2 stand-in.\n';
    assert.ok(fairlead(['status', '--name', NAME, '-o', 'wide']).stdout.includes(line));
    assert.ok(fairlead(['up', '--name', NAME, '--no-check', '-q']).stdout.includes(line));
  });

  test('kubectl exec of curl reaches a Service by its name', () => {
    const hostname = kubectl(NAME, [
      '-n',
      'shop',
      'exec',
      'ds/toolbox',
      '--',
      'curl',
      '-s',
      '--max-time',
      '5',
      'http://api:8080/hostname',
    ]);
    assert.match(hostname, /^api-/);
  });

  test("a pod's token and authority open the Kubernetes API from inside", () => {
    const script = [
      'cd /var/run/secrets/kubernetes.io/serviceaccount',
      'curl -s --max-time 5 --cacert ca.crt -H "Authorization: Bearer $(cat token)" ' +
        '-o /dev/null -w "%{http_code}" "https://kubernetes.default.svc/api/v1/namespaces/$(cat namespace)/pods"',
    ];
    const ask = (): string =>
      kubectl(NAME, ['-n', 'shop', 'exec', 'ds/toolbox', '--', 'sh', '-c', script.join(' && ')]);
    assert.equal(ask(), '403', 'nobody has given the account anything');
    const binding = ['create', 'rolebinding', 'look', '--clusterrole=view', '--serviceaccount=shop:default'];
    kubectl(NAME, ['-n', 'shop', ...binding]);
    assert.equal(ask(), '200');
  });

  test('a second up changes nothing and says so', () => {
    const result = fairlead(['up', '--name', NAME, '-f', 'examples/shop', '--no-check']);
    assert.equal(result.code, 0, result.stderr);
    assert.match(result.stdout, /nothing had to change/);
  });

  test('up with another number of nodes is refused and says what to do', () => {
    const result = fairlead(['up', '--name', NAME, '--nodes', '5']);
    assert.equal(result.code, 1);
    assert.ok(result.stderr.includes(`stands with 3; "fairlead down --name ${NAME}" first`), result.stderr);
  });

  test('scale, rollout and delete work through kubectl', () => {
    kubectl(NAME, ['-n', 'shop', 'scale', 'deploy/api', '--replicas=4']);
    kubectl(NAME, ['-n', 'shop', 'rollout', 'status', 'deploy/api', '--timeout=60s']);
    kubectl(NAME, ['-n', 'shop', 'wait', '--for=condition=Available', 'deploy/api', '--timeout=60s']);
    assert.equal(
      kubectl(NAME, ['-n', 'shop', 'get', 'pods', '-l', 'app=api', '-o', 'name']).trim().split('\n').length,
      4,
    );
    kubectl(NAME, ['-n', 'shop', 'delete', 'pod', '-l', 'app=api', '--wait=false']);
    kubectl(NAME, ['-n', 'shop', 'rollout', 'status', 'deploy/api', '--timeout=60s']);
  });
});
