// What `up` and its sisters refuse: a message that says what to do, an exit code of its own, and nothing made.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { clusterName, fairlead, kubectl, run, type CommandResult } from '../support/cluster.ts';
import { clusterTraces } from '../support/cluster-traces.ts';

const NAME = clusterName('re');
const PROGRAM = fileURLToPath(new URL('../../bin/fairlead', import.meta.url));

const BAD = `apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: nowhere
spec:
  ports:
    - port: eighty
---
apiVersion: apps/v1
kind: Deploiment
metadata: { name: web }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: a }
date: {}
---
apiVersion: v1
kind: ConfigMap
metadata: { name: a }
`;

function assertRefused(result: CommandResult, code: number, message: RegExp): void {
  assert.equal(result.code, code, `${result.stdout}\n${result.stderr}`);
  assert.match(result.stderr, message);
  assert.doesNotMatch(result.stderr, /\n {4}at /, 'no stack for a mistake of the user');
  assert.equal(result.stdout, '');
}

suite('refusals', () => {
  let folder: string;

  before(() => {
    folder = mkdtempSync(`${tmpdir()}/refusals-`);
  });
  after(() => {
    assert.equal(fairlead(['down', '--name', NAME, '-q']).code, 0);
    rmSync(folder, { recursive: true });
    assert.deepEqual(clusterTraces(NAME), []);
  });

  test('bad manifests: every mistake with file, line and field, and nothing made', () => {
    const file = `${folder}/bad.yaml`;
    writeFileSync(file, BAD);
    const result = fairlead(['up', '--name', NAME, '-f', file, '-f', `${folder}/none.yaml`, '-q']);
    assertRefused(result, 2, /none\.yaml: no such file or folder/);
    const judged = fairlead(['up', '--name', NAME, '-f', file, '-q']);
    assert.equal(judged.code, 2);
    assert.deepEqual(judged.stderr.replaceAll(file, 'bad.yaml').trim().split('\n'), [
      'fairlead: Cannot use these manifests: 5 mistakes',
      'bad.yaml:5: Service web: metadata.namespace: namespace "nowhere" neither exists nor is in these manifests',
      'bad.yaml:8: Service web: spec.ports[0].port: expected an integer, got "eighty"',
      'bad.yaml:11: Deploiment web: kind: no kind "Deploiment" in "apps/v1"',
      'bad.yaml:17: ConfigMap a: date: unknown field',
      'bad.yaml:21: ConfigMap a: metadata.name: the same object stands at bad.yaml:14 already',
    ]);
    assert.deepEqual(clusterTraces(NAME), []);
    assert.equal(existsSync(`/var/lib/fairlead/${NAME}`), false);
  });

  test('without root', () => {
    for (const args of [
      ['up', '--name', NAME],
      ['down', '--name', NAME],
      ['status', '--name', NAME],
    ]) {
      const command = ['--reuid', '65534', '--clear-groups', PROGRAM, ...args];
      assertRefused(run('setpriv', command), 3, /root is needed \(sudo fairlead/);
    }
  });

  for (const row of [
    {
      name: 'a name that no link can have',
      args: ['up', '--name', 'Much-Too-Long-A-Name'],
      error: /1 to 12 lower-case/,
    },
    { name: 'more nodes than fit', args: ['up', '--name', NAME, '--nodes', '99'], error: /1 to 32/ },
    {
      name: 'a prefix that is none',
      args: ['up', '--name', NAME, '--pod-cidr', '10.0.0.1/16'],
      error: /10\.0\.0\.0\/16/,
    },
    {
      name: 'a network nobody knows',
      args: ['up', '--name', NAME, '--network', 'tin-cans'],
      error: /Allowed choices are vxlan/,
    },
    {
      name: 'a duration in fortnights',
      args: ['up', '--name', NAME, '--wait', '1fortnight'],
      error: /500ms, 90s or 2m/,
    },
    {
      name: 'an output format nobody knows',
      args: ['version', '-o', 'xml'],
      error: /Allowed choices are json, yaml, wide/,
    },
    {
      name: 'a flag nobody knows',
      args: ['up', '--nods', '3'],
      error: /^fairlead: unknown option '--nods'\n.*--nodes[^]*"fairlead up --help" shows its flags\n$/,
    },
    {
      name: 'a command nobody knows',
      args: ['connectivity', 'tset'],
      error: /^fairlead: unknown command 'tset'\n[^]*"fairlead connectivity --help" shows its commands\n$/,
    },
    {
      name: 'help about a command nobody knows',
      args: ['help', 'connectivity', 'tset'],
      error: /^fairlead: unknown command 'connectivity tset'\n"fairlead connectivity --help"/,
    },
    { name: 'no node', args: ['up', '--name', NAME, '--nodes', '0'], error: /1 to 32/ },
    { name: 'a word too many', args: ['down', NAME], error: /too many arguments for 'down'/ },
    {
      name: 'a file that is not there',
      args: ['up', '--name', NAME, '-f', '/none.yaml'],
      error: /: 1 mistake\n\/none\.yaml: no such file or folder\n$/,
    },
    {
      name: 'standard input with nothing',
      args: ['up', '--name', NAME, '-f', '-'],
      error: /\nstandard input: no object in it\n$/,
    },
  ]) {
    test(`${row.name}: exit code 2`, () => assertRefused(fairlead(row.args), 2, row.error));
  }

  test('a range that the host reaches already: both are named, and the flag that helps', () => {
    // In a network namespace of its own, so that this machine's routes stay as they are.
    const script = `ip link set lo up; ip route add 10.244.7.0/24 dev lo; exec "$0" up --name ${NAME} -q`;
    const result = run('unshare', ['--net', 'sh', '-c', script, PROGRAM]);
    assertRefused(
      result,
      1,
      /Cannot use 10\.244\.0\.0\/16 for pods: the host routes 10\.244\.7\.0\/24 by "lo"; choose another with --pod-cidr/,
    );
    assert.equal(existsSync(`/var/lib/fairlead/${NAME}/cluster.json`), false);
  });

  test('a link of somebody else under the name of ours: it stays, and nothing is made', () => {
    const link = `fl-${NAME}`;
    const script = `ip link add ${link} type veth peer name other; "$0" up --name ${NAME} -q; code=$?; "$0" down --name ${NAME}; ip -o link show ${link} >&2; exit $code`;
    const result = run('unshare', ['--net', 'sh', '-c', script, PROGRAM]);
    assert.equal(result.code, 1, result.stderr);
    assert.match(result.stderr, /Cannot make link "fl-.*choose another --name/);
    assert.match(result.stdout, /nothing to do/);
    assert.match(result.stderr, new RegExp(`: ${link}@other`));
    assert.equal(existsSync(`/var/lib/fairlead/${NAME}`), false);
  });

  test('a cluster that is not there: status and connectivity test say how to raise it', () => {
    for (const args of [['status'], ['connectivity', 'test']])
      assertRefused(
        fairlead([...args, '--name', NAME]),
        1,
        new RegExp(`cluster "${NAME}": it does not exist; "fairlead up --name ${NAME}" raises it`),
      );
    assert.match(fairlead(['down', '--name', NAME]).stdout, /nothing to do/);
  });

  test('damaged settings: up and status name the file and the remedy, down is the remedy', () => {
    const state = `/var/lib/fairlead/${NAME}`;
    mkdirSync(state, { recursive: true });
    for (const damage of ['{"name": "', '{}']) {
      writeFileSync(`${state}/cluster.json`, damage);
      for (const command of ['up', 'status'])
        assertRefused(
          fairlead([command, '--name', NAME, '-q']),
          2,
          new RegExp(`cluster\\.json: .*; "fairlead down --name ${NAME}" clears`),
        );
    }
    assert.match(fairlead(['down', '--name', NAME]).stdout, /is gone/);
    assert.equal(existsSync(state), false);
  });

  test('a wait in vain: exit code 124, each pod with its last warning; the environment stands in for flags', () => {
    const pods = ['one', 'two'].map((name) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name },
      spec: { containers: [{ name: 'c', image: 'x' }], nodeSelector: { no: 'where' } },
    }));
    const env = {
      FAIRLEAD_NAME: NAME,
      FAIRLEAD_NODES: '1',
      FAIRLEAD_POD_CIDR: '10.50.0.0/20,fd05::/60',
      FAIRLEAD_SERVICE_CIDR: '10.60.0.0/26',
      FAIRLEAD_WAIT: '2s',
      FAIRLEAD_NO_CHECK: '1',
      FAIRLEAD_QUIET: '1',
    };
    // The cluster stands before anybody waits for pods in vain.
    const up = run(PROGRAM, ['up', '--wait', '60s'], { env });
    assert.equal(up.code, 0, up.stderr);
    const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: pods });
    const result = run(PROGRAM, ['up', '-f', '-'], { input, env });
    assertRefused(
      result,
      124,
      /Cannot wait longer for the pods:\n {2}default\/one: FailedScheduling: .*\n {2}default\/two: FailedScheduling: /,
    );
    kubectl(NAME, ['delete', 'pod', 'one', 'two']);
    const cidrs = kubectl(NAME, ['get', 'node', 'node-1', '-o', 'jsonpath={.spec.podCIDRs}']);
    assert.equal(cidrs, '["10.50.0.0/24","fd05::/64"]');
    const dns = kubectl(NAME, [
      '-n',
      'kube-system',
      'get',
      'service',
      'kube-dns',
      '-o',
      'jsonpath={.spec.clusterIPs}',
    ]);
    assert.equal(dns, '["10.60.0.10","fd00:10:96::a"]');
  });

  test('a refusal of the server: file, line and field, and none of the set is applied', () => {
    const file = `${folder}/taken.yaml`;
    writeFileSync(
      file,
      'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: first }\n---\napiVersion: v1\nkind: Service\nmetadata: { name: web }\nspec:\n  clusterIP: 192.0.2.1\n  ports: [{ port: 80 }]\n',
    );
    const result = fairlead(['up', '--name', NAME, '-f', file, '--no-check', '-q']);
    assertRefused(
      result,
      2,
      /taken\.yaml:9: Service web: spec\.clusterIPs?(\[0\])?: Invalid value: "192\.0\.2\.1"/,
    );
    assert.throws(() => kubectl(NAME, ['get', 'configmap', 'first']), /NotFound/);
  });

  test('only differences are applied and said; what is gone from the files stays', () => {
    const file = `${folder}/set.yaml`;
    const config = (name: string, value: string): string =>
      `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\ndata: { key: ${value} }\n---\n`;
    const up = (text: string): CommandResult => {
      writeFileSync(file, text);
      const result = fairlead(['up', '--name', NAME, '-f', file, '--no-check', '-q']);
      assert.equal(result.code, 0, result.stderr);
      return result;
    };
    up(config('a', 'one') + config('b', 'one'));
    const { stdout } = up(config('a', 'two') + config('c', 'one'));
    assert.match(stdout, /configured +ConfigMap +default +a\ncreated +ConfigMap +default +c\n/);
    assert.match(stdout, /1 created, 1 configured, 0 unchanged/);
    assert.equal(
      kubectl(NAME, ['get', 'configmap', 'a', 'b', '-o', 'jsonpath={.items[*].data.key}']),
      'two one',
    );
  });

  test('a reader that goes away early is no mistake', async () => {
    const child = spawn('/bin/sh', [
      '-c',
      `"$0" status --name ${NAME} -o json | head -c 1; echo "$?"`,
      PROGRAM,
    ]);
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    await new Promise((resolve) => child.once('close', resolve));
    assert.equal(stderr, '');
  });

  test('results are data: JSON and YAML on standard output, no colour, whatever goes to standard error', () => {
    for (const args of [
      ['status', '--name', NAME],
      ['connectivity', 'test', '--name', NAME],
      ['doctor'],
      ['version'],
    ]) {
      const json = fairlead([...args, '-o', 'json']);
      assert.doesNotThrow(() => JSON.parse(json.stdout) as unknown, args.join(' '));
      for (const format of ['yaml', 'wide']) {
        const text = fairlead([...args, '-o', format]);
        assert.ok(text.stdout.length > 0);
        assert.ok(!`${text.stdout}${text.stderr}`.includes('\u001b'), 'no escape sequences off a terminal');
      }
    }
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    assert.equal(
      (JSON.parse(fairlead(['version', '-o', 'json']).stdout) as { fairlead: string }).fairlead,
      version,
    );
  });
});
