// docs/policy.md against the commands: what the page shows is what they print.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

const ROOT = path.join(import.meta.dirname, '../..');
const PAGE = readFileSync(path.join(ROOT, 'docs/policy.md'), 'utf8');

/** A command in a block of its own, followed by a block of what it prints. */
const SHOWN = [...PAGE.matchAll(/```sh\n(fairlead policy [^\n]*)\n```\n\n```[a-z]*\n([\s\S]*?)```/g)];

test('docs/policy.md shows commands with what they print', () => {
  assert.ok(SHOWN.length > 0);
});

for (const [, command = '', printed] of SHOWN)
  test(`docs/policy.md: ${command}`, () => {
    const { stdout, stderr } = fairlead(command.split(' ').slice(1));
    assert.equal(stderr, '');
    assert.equal(stdout.trimEnd(), printed?.trimEnd());
  });

for (const row of [
  { name: 'no manifests', args: ['why', 'a/b', 'a/c:80'], error: /name the manifests by -f FILE/ },
  {
    name: 'nobody of the name',
    args: ['why', 'a/b', 'a/c:80', '-f', 'examples/shop'],
    error: /Cannot find "a\/b"/,
  },
])
  test(`fairlead policy refuses ${row.name} with exit code 2`, () => {
    const { status, stderr } = fairlead(['policy', ...row.args]);
    assert.match(stderr, row.error);
    assert.equal(status, 2);
  });

test('fairlead policy names the line of a mistake in a policy', () => {
  const policy =
    'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: p }\nspec:\n  podSelecter: {}\n';
  const { status, stderr } = fairlead(['policy', 'why', 'a/b', 'a/c:80', '-f', '-'], policy);
  assert.match(stderr, /standard input:5: NetworkPolicy p: spec\.podSelecter: unknown field/);
  assert.equal(status, 2);
});

test('fairlead policy names the line of a mistake in a cluster policy', () => {
  const policy =
    'apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: { name: p }\nspec:\n  tier: Addmin\n';
  const { status, stderr } = fairlead(['policy', 'why', 'a/b', 'a/c:80', '-f', '-'], policy);
  assert.match(stderr, /standard input:5: ClusterNetworkPolicy p: spec\.tier: Unsupported value: "Addmin"/);
  assert.equal(status, 2);
});

test('fairlead policy warns of policies that it does not judge', () => {
  const policy = 'apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: { name: p }\n';
  const { stderr } = fairlead(['policy', 'matrix', '-f', '-'], policy);
  assert.match(stderr, /warning: standard input:2: CiliumNetworkPolicy p of cilium\.io\/v2 is not judged/);
});

const SHOP = 'examples/policies/shop.yaml';
const OPENED = 'examples/policy-changes/open-figures.yaml';
const TESTS = 'examples/policies/shop.test.yaml';

for (const row of [
  { name: 'tests that hold', args: ['test', TESTS, '-f', 'examples/shop', '-f', SHOP], status: 0 },
  { name: 'a test that fails', args: ['test', TESTS, '-f', 'examples/shop', '-f', OPENED], status: 1 },
  { name: 'tests about nobody', args: ['test', TESTS, '-f', SHOP], status: 2 },
  { name: 'a file that is no test', args: ['test', SHOP, '-f', 'examples/shop'], status: 2 },
  {
    name: 'a report that cannot be written',
    args: ['test', TESTS, '-f', 'examples/shop', '-f', SHOP, '--junit', 'nowhere/at/all.xml'],
    status: 2,
  },
  { name: 'no difference', args: ['diff', SHOP, 'examples/policies', '-f', 'examples/shop'], status: 0 },
  { name: 'a difference', args: ['diff', SHOP, OPENED, '-f', 'examples/shop'], status: 1 },
  { name: 'a side that is not there', args: ['diff', SHOP, 'nowhere', '-f', 'examples/shop'], status: 2 },
  {
    name: 'more pods than the prefix holds, which is no answer',
    args: ['diff', SHOP, OPENED, '-f', 'examples/shop', '--pod-cidr', '10.0.0.0/30'],
    status: 2,
  },
  {
    name: 'a share that is reached',
    args: ['coverage', TESTS, '-f', 'examples/shop', '-f', SHOP, '--fail-under', '50'],
    status: 0,
  },
  {
    name: 'a share that is not',
    args: ['coverage', TESTS, '-f', 'examples/shop', '-f', SHOP, '--fail-under', '90'],
    status: 1,
  },
  { name: 'notes alone', args: ['lint', '-f', 'examples/shop', '-f', SHOP], status: 0 },
  { name: 'notes where these are asked for', args: ['lint', '-f', SHOP, '--fail-on', 'note'], status: 1 },
  { name: 'a rule that is not there', args: ['lint', '-f', SHOP, '--ignore', 'nothing'], status: 2 },
])
  test(`fairlead policy ends with ${row.status} at ${row.name}`, () => {
    const { status, stderr } = fairlead(['policy', ...row.args]);
    assert.equal(status, row.status, stderr);
  });

function fairlead(args: readonly string[], input = '') {
  return spawnSync(path.join(ROOT, 'bin/fairlead'), args, { cwd: ROOT, encoding: 'utf8', input });
}
