// The scripts in real shells: what Tab offers after a line.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../bin/fairlead', import.meta.url));

function scriptOf(shell: string): string {
  const result = spawnSync(PROGRAM, ['completion', shell], { encoding: 'utf8' });
  assert.equal(result.status, 0, result.stderr);
  return result.stdout;
}

function hasShell(shell: string): boolean {
  return spawnSync(shell, ['-c', 'exit 0']).status === 0;
}

/** What bash offers for the last word of the line. */
function offers(script: string, line: string): readonly string[] {
  const words = line.split(' ');
  const quoted = words.map((word) => `'${word}'`).join(' ');
  const program = `${script}\nCOMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _fairlead; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const result = spawnSync('bash', ['--norc', '-c', program], { encoding: 'utf8' });
  assert.equal(result.stderr, '');
  return result.stdout.split('\n').filter(Boolean).sort();
}

suite('completion', () => {
  let bash: string;
  let folder: string;

  before(() => {
    bash = scriptOf('bash');
    folder = mkdtempSync(`${tmpdir()}/completion-`);
    writeFileSync(`${folder}/shop.yaml`, '');
  });
  after(() => rmSync(folder, { recursive: true }));

  for (const row of [
    { line: 'fairlead st', expected: ['status'] },
    { line: 'fairlead co', expected: ['completion', 'connectivity', 'controller'] },
    { line: 'fairlead connectivity ', expected: ['test'] },
    { line: 'fairlead connectivity test --t', expected: ['--timeout'] },
    {
      line: 'fairlead up --no',
      expected: ['--no-check', '--node-local-dns', '--node-port-addresses', '--nodes'],
    },
    { line: 'fairlead up -o ', expected: ['json', 'wide', 'yaml'] },
    { line: 'fairlead up --name status -o j', expected: ['json'] },
    { line: 'fairlead up --nodes ', expected: [] },
    { line: 'fairlead down --wai', expected: [] },
    { line: 'fairlead status --wai', expected: ['--wait', '--wait-duration'] },
    {
      line: 'fairlead policy ',
      expected: [
        'connections',
        'coverage',
        'denied',
        'diff',
        'lint',
        'matrix',
        'names',
        'recommend',
        'test',
        'why',
      ],
    },
    { line: 'fairlead policy test --ju', expected: ['--junit'] },
    { line: 'fairlead completion ', expected: ['bash', 'fish', 'zsh'] },
  ]) {
    test(`bash offers the right words after "${row.line}"`, () =>
      assert.deepEqual(offers(bash, row.line), row.expected));
  }

  for (const before of ['fairlead up -f', 'fairlead policy test', 'fairlead policy test --junit'])
    test(`bash offers files after "${before}"`, () => {
      assert.deepEqual(offers(bash, `${before} ${folder}/sh`), [`${folder}/shop.yaml`]);
    });

  test('an interactive bash knows the function for the command', () => {
    const result = spawnSync('bash', ['--norc', '-c', `${bash}\ncomplete -p fairlead`], { encoding: 'utf8' });
    assert.equal(result.stdout.trim(), 'complete -F _fairlead fairlead');
  });

  for (const shell of ['zsh', 'fish']) {
    test(`${shell} takes its script`, { skip: !hasShell(shell) && `no ${shell} on this machine` }, () => {
      const result = spawnSync(shell, shell === 'fish' ? ['--no-execute'] : ['-n'], {
        input: scriptOf(shell),
        encoding: 'utf8',
      });
      assert.equal(result.status, 0, result.stderr);
    });
  }

  test('fish gets every flag with its words', () => {
    const script = scriptOf('fish');
    assert.match(
      script,
      /complete -c fairlead -n '__fish_seen_subcommand_from up' -s o -l output -x -a 'json yaml wide'/,
    );
    assert.match(
      script,
      /__fish_seen_subcommand_from connectivity; and __fish_seen_subcommand_from test' -l timeout/,
    );
  });

  test('another shell is refused with exit code 2', () => {
    const result = spawnSync(PROGRAM, ['completion', 'tcsh'], { encoding: 'utf8' });
    assert.equal(result.status, 2);
    assert.match(result.stderr, /Allowed choices are bash, zsh, fish/);
  });
});
