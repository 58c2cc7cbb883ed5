// docs/gateway.md against the command: what the page shows is what it prints.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

const ROOT = path.join(import.meta.dirname, '../..');
const PAGE = readFileSync(path.join(ROOT, 'docs/gateway.md'), 'utf8');
const EXAMPLE = ['-f', 'examples/gateway'];

function why(args: readonly string[], input = '') {
  return spawnSync(path.join(ROOT, 'bin/fairlead'), ['route', 'why', ...args], {
    cwd: ROOT,
    encoding: 'utf8',
    input,
  });
}

const SHOWN = [...PAGE.matchAll(/```sh\nfairlead route why ([^\n]*)\n```\n\n```text\n([\s\S]*?)```/g)];

test('docs/gateway.md shows what fairlead route why prints', () => {
  assert.ok(SHOWN.length > 0);
  for (const [, args = '', shown] of SHOWN) {
    const { stdout, stderr } = why(args.split(' '));
    assert.deepEqual({ stderr, stdout }, { stderr: '', stdout: shown });
  }
});

for (const { name, args, error, input } of [
  {
    name: 'a URL without a scheme',
    args: ['shop.example/', ...EXAMPLE],
    error: /URL "shop\.example\/": write http:/,
  },
  {
    name: 'a header without a colon',
    args: ['http://a.b/', '-H', 'x', ...EXAMPLE],
    error: /header "x": write "Name: value"/,
  },
  {
    name: 'a Gateway that is not there',
    args: ['http://a.b/', '--gateway', 'shop/pubilc', ...EXAMPLE],
    error: /Cannot find Gateway shop\/pubilc: there are Gateway shop\/public/,
  },
  {
    name: 'files without a Gateway',
    args: ['http://a.b/', '-f', 'examples/shop'],
    error: /there are neither Gateways nor Ingresses/,
  },
  {
    name: 'a mistake in a route, with its line',
    args: ['http://a.b/', '-f', '-'],
    input:
      'apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: { name: r }\nspec:\n  hostnam: [a.b]\n',
    error: /standard input:5: HTTPRoute r: spec\.hostnam: unknown field/,
  },
])
  test(`fairlead route why refuses ${name} with exit code 2`, () => {
    const { status, stderr } = why(args, input);
    assert.match(stderr, error);
    assert.equal(status, 2);
  });
