// docs/ingress.md against the command: what the page shows is what it prints.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { parseAllDocuments } from 'yaml';

const ROOT = path.join(import.meta.dirname, '../..');
const PAGE = readFileSync(path.join(ROOT, 'docs/ingress.md'), 'utf8');
const EXAMPLE = ['-f', 'examples/ingress'];

interface Printed {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function migrate(args: readonly string[], input = ''): Printed {
  return spawnSync(path.join(ROOT, 'bin/fairlead'), ['ingress', 'migrate', ...args], {
    cwd: ROOT,
    encoding: 'utf8',
    input,
  });
}

test('docs/ingress.md shows what fairlead ingress migrate prints', () => {
  const shown = /```sh\nfairlead ingress migrate -f examples\/ingress\n```\n\n```text\n([\s\S]*?)```/.exec(
    PAGE,
  )?.[1];
  const { status, stdout, stderr } = migrate(EXAMPLE);
  assert.deepEqual({ status, stderr, stdout }, { status: 0, stderr: '', stdout: shown });
});

test('fairlead ingress migrate -o yaml prints the objects of -o json, and nothing else', () => {
  const written = parseAllDocuments(migrate([...EXAMPLE, '-o', 'yaml']).stdout).map(
    (it) => it.toJS() as unknown,
  );
  const { objects } = JSON.parse(migrate([...EXAMPLE, '-o', 'json']).stdout) as { readonly objects: unknown };
  assert.deepEqual(written, objects);
});

test('fairlead ingress migrate takes a list from standard input, and one class of it', () => {
  const item = (name: string, ingressClassName: string): object => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name },
    spec: { ingressClassName, defaultBackend: { service: { name: 'web', port: { number: 80 } } } },
  });
  const list = { apiVersion: 'v1', kind: 'List', items: [item('a', 'one'), item('b', 'two')] };
  const { stdout } = migrate(['-f', '-', '--ingress-class', 'two', '-o', 'json'], JSON.stringify(list));
  const { ingresses } = JSON.parse(stdout) as { readonly ingresses: readonly { readonly name: string }[] };
  assert.deepEqual(
    ingresses.map(({ name }) => name),
    ['b'],
  );
});

for (const { name, args, error } of [
  {
    name: 'a name without a namespace',
    args: [...EXAMPLE, '--gateway', 'public'],
    error: /say namespace\/name/,
  },
  { name: 'a file that is not there', args: ['-f', 'examples/nowhere'], error: /no such file or folder/ },
])
  test(`fairlead ingress migrate refuses ${name} with exit code 2`, () => {
    const { status, stderr } = migrate(args);
    assert.match(stderr, error);
    assert.equal(status, 2);
  });
