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
  assert.match(
    stderr,
    /standard input:5: Cannot read ClusterNetworkPolicy p: spec\.tier: must be Admin or Baseline/,
  );
  assert.equal(status, 2);
});

function fairlead(args: readonly string[], input = '') {
  return spawnSync(path.join(ROOT, 'bin/fairlead'), args, { cwd: ROOT, encoding: 'utf8', input });
}
