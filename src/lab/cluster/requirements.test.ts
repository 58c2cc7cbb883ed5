import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { pathRoots } from '../../base/paths.ts';
import type { Support } from '../../model/support.ts';
import type { Probe, ProbeResult } from '../../sys/probe.ts';
import { endingProcesses } from './ending-processes.ts';
import { refuseLackingKernel, refuseUnbuilt } from './requirements.ts';

/** A machine whose features are there but for those given. */
function machine(lacks: Readonly<Record<string, Support>>) {
  const asked: string[][] = [];
  const probe = (probes: readonly Probe[] = []): Promise<readonly ProbeResult[]> => {
    asked.push(probes.map((it) => it.name));
    return Promise.resolve(probes.map((it) => ({ probe: it, support: lacks[it.name] ?? { kind: 'yes' } })));
  };
  return { probe, asked };
}

test('refuseLackingKernel() asks only for what is required, and once where all is there', async () => {
  const { probe, asked } = machine({ wireguard: { kind: 'no', because: 'x' } });
  await refuseLackingKernel(probe);
  assert.equal(asked.length, 1);
  assert.ok(asked[0]?.includes('vxlan'));
  assert.ok(!asked[0]?.includes('wireguard'));
});

test('refuseLackingKernel() names everything that is missing, what needs it and why; what could not be told is tried', async () => {
  const { probe } = machine({
    vxlan: { kind: 'no', because: 'Cannot add a link of kind vxlan' },
    'nft-nat': { kind: 'no', because: 'ENOENT' },
    'program-nft': { kind: 'no', because: 'it is not installed' },
    btf: { kind: 'unknown', because: 'no memory' },
  });
  await assert.rejects(refuseLackingKernel(probe), (error: Error & { code: string }) => {
    assert.equal(error.code, 'unsupported');
    assert.match(error.message, /vxlan \(the pod network between nodes\): Cannot add a link of kind vxlan/);
    assert.match(error.message, /program-nft \(masquerade\): it is not installed/);
    assert.doesNotMatch(error.message, /btf/);
    assert.match(error.message, /"fairlead doctor" shows everything/);
    return true;
  });
});

test('refuseUnbuilt() names the file and the remedy', () => {
  const installation = {
    cniProgram: '/nowhere/cni',
    runProgram: '/bin/true',
    objectDir: '/',
    program: '/bin/true',
    home: '/',
  };
  assert.throws(() => refuseUnbuilt(installation), {
    code: 'unsupported',
    message: 'Cannot find /nowhere/cni: not built; "npm run setup" builds it',
  });
  refuseUnbuilt({ ...installation, cniProgram: '/bin/true' });
});

test('endingProcesses() tells a habit from a restart, with the last words', () => {
  const folder = mkdtempSync(`${tmpdir()}/ending-`);
  try {
    const roots = { ...pathRoots('/none'), state: folder };
    const log = `${folder}/c/log`;
    mkdirSync(log, { recursive: true });
    const nowMs = Date.parse('2026-01-01T00:01:00Z');
    const ended = (process_: string, second: string): string =>
      JSON.stringify({
        time: `2026-01-01T00:00:${second}Z`,
        event: 'ended',
        process: process_,
        how: 'exit code 1',
      });
    const lines = [ended('a', '45'), ended('a', '50'), ended('b', '50'), ended('c', '01'), ended('c', '50')];
    writeFileSync(`${log}/supervisor.log`, `${lines.join('\n')}\nnot json\n`);
    writeFileSync(`${log}/a.log`, 'fairlead: Cannot read x: ENOENT\n{"level":30}\n');
    assert.deepEqual(endingProcesses(roots, 'c', nowMs), [{ name: 'a', lastLine: 'Cannot read x: ENOENT' }]);
    assert.deepEqual(endingProcesses(roots, 'other', nowMs), []);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
