// One boot of Debian 12's kernel 6.1, the oldest that Fairlead supports, with the selection of what only that kernel shows.
// Where the virtual machine cannot be had, the skip says why.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const RUN = new URL('run', import.meta.url).pathname;
const SELECTION = new URL('selection', import.meta.url).pathname;
/** The guest's own bound comes first, with its words; then that of the machine around it; then the test's. */
const GUEST_SECONDS = 1500;

/** Why this machine has no virtual machine with kernel 6.1, or false. */
function whyNot(): string | false {
  if (process.env['FAIRLEAD_VM'] === '1') return 'this is the virtual machine';
  if (process.arch !== 'x64') return `the virtual machine is for x86-64, this machine is ${process.arch}`;
  const release = readFileSync('/etc/os-release', 'utf8');
  const value = (key: string) => new RegExp(`^${key}="?([^"\n]*)`, 'm').exec(release)?.[1] ?? 'unknown';
  if (value('ID') === 'debian' && value('VERSION_ID') === '12') return false;
  return `kernel 6.1 and the programs around it are Debian 12's packages, this is ${value('PRETTY_NAME')}: nothing was tested on kernel 6.1`;
}

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** Runs the selection in the machine; an abort ends the machine with it. */
function boot(signal: AbortSignal): Promise<Ended> {
  return new Promise((resolve, reject) => {
    // Ends with this process however that ends, by force too. Files beside it go first: they wait with bounds.
    const child = spawn('nice', ['-n', '5', 'setpriv', '--pdeathsig', 'TERM', RUN, SELECTION], {
      env: { ...process.env, VM_SECONDS: String(GUEST_SECONDS) },
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
      killSignal: 'SIGTERM',
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
}

test(
  'the selection passes on kernel 6.1',
  { skip: whyNot(), timeout: (GUEST_SECONDS + 120) * 1000 },
  async (t) => {
    const { code, output } = await boot(t.signal);
    assert.equal(code, 0, `test/vm/run test/vm/selection ended with ${code}:\n${output}`);
    for (const [, step] of output.matchAll(/^selection: (.*?)\r?$/gm)) t.diagnostic(step ?? '');
    assert.match(output, /^selection: all well/m);
  },
);
