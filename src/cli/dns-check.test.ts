// `fairlead dns check` as people run it: words, places and exit codes.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../bin/fairlead', import.meta.url));

function check(text: string, ...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(PROGRAM, ['dns', 'check', '-', ...args], {
    input: text,
    encoding: 'utf8',
    env: { ...process.env, STUB: '192.0.2.1' },
  });
  return { status, stdout, stderr };
}

const GOOD = `.:53 {
  pprof
  kubernetes corp.local { ttl 30 }
  forward . {$STUB} 192.0.2.2
}
`;

test('fairlead dns check says what is understood, and exits with 0', () => {
  const { status, stdout } = check(GOOD, '--cluster-domain', 'corp.local');
  assert.equal(status, 0);
  assert.equal(
    stdout,
    `zone "."
  names of corp.local are answered from the cluster, kept for 30 s
  names of "." are asked of 192.0.2.1 and 192.0.2.2 (random)
standard input:2:3: warning: pprof: there are no profiles; take it away
0 errors, 1 warning, 0 notes
`,
  );
});

test('fairlead dns check exits with 1 where a file would not be taken', () => {
  const { status, stdout } = check(GOOD);
  assert.equal(status, 1);
  assert.match(
    stdout,
    /standard input:3:3: error: names of the cluster are not answered below "corp.local"; write/,
  );
  assert.match(stdout, /\n1 error, 1 warning, 0 notes\n$/);
});

test('fairlead dns check speaks to machines', () => {
  const { stdout } = check(GOOD, '-o', 'json', '--cluster-domain', 'corp.local');
  const reading = JSON.parse(stdout) as { settings: { ttlS: number }; findings: { level: string }[] };
  assert.equal(reading.settings.ttlS, 30);
  assert.deepEqual(
    reading.findings.map((it) => it.level),
    ['warning'],
  );
});

test('fairlead dns check exits with 2 where there is no file', () => {
  const { status, stderr } = spawnSync(PROGRAM, ['dns', 'check', '/nowhere'], { encoding: 'utf8' });
  assert.equal(status, 2);
  assert.match(stderr, /^fairlead: Cannot read \/nowhere: ENOENT/);
});
