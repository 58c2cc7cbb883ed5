// Backends of the Service contract on a kernel, or with programs, that fail now and then: each view is applied until it holds.

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { IptablesFlavour } from '../../src/sys/iptables.ts';
import { ownName } from '../support/own-name.ts';
import { failingIpvsKernel } from './failing-ipvs.ts';
import { iptablesBackend, ipvsBackend, type MakeBackend } from './service-backends.ts';
import type { ContractBackend } from './service-contract.ts';

/** So many applications of one view may fail. */
const MAX_TRIES = 60;
const RESTORES = ['iptables', 'ip6tables'].flatMap((it) =>
  ['nft', 'legacy'].map((of) => `${it}-${of}-restore`),
);

/**
 * Iptables with programs that fail: one run in ten before it has done anything, one in twenty when it has done all. `onFault` is told of every
 * failure.
 */
export function failingIptablesBackend(flavour: IptablesFlavour, onFault: () => void): MakeBackend {
  return async (world, lifetime) => {
    const backend = await iptablesBackend(flavour)(world, lifetime);
    const folder = mkdtempSync(`${tmpdir()}/${ownName('programs')}-`);
    lifetime.defer('programs that fail', () => rmSync(folder, { recursive: true }));
    for (const name of RESTORES) {
      const real = execFileSync('which', [name], { encoding: 'utf8' }).trim();
      writeFileSync(`${folder}/${name}`, failingProgram(real, `${folder}/count`));
      chmodSync(`${folder}/${name}`, 0o755);
    }
    return {
      ...backend,
      apply: async (view) => withPath(folder, () => applyUntilWell(backend, view, onFault)),
    };
  };
}

/** IPVS in a kernel that refuses now and then. `onFault` is told of every application that failed of it. */
export function failingIpvsBackend(onFault: () => void): MakeBackend {
  return async (world, lifetime) => {
    const backend = await ipvsBackend(failingIpvsKernel)(world, lifetime);
    return { ...backend, apply: (view) => applyUntilWell(backend, view, onFault) };
  };
}

/** By the number of the run: that some fail is sure, the first one among them. */
function failingProgram(real: string, count: string): string {
  return `#!/bin/sh
n=$(($(cat ${count} 2>/dev/null || echo 0) + 1))
echo $n > ${count}
[ $((n % 10)) != 1 ] || { cat >/dev/null; echo "out of luck, before" >&2; exit 4; }
${real} "$@" || exit
[ $((n % 20)) != 11 ] || { echo "out of luck, after" >&2; exit 4; }
`;
}

async function applyUntilWell(
  backend: ContractBackend,
  view: Parameters<ContractBackend['apply']>[0],
  onFault: () => void,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await backend.apply(view);
      return;
    } catch (error) {
      // Where a run failed that had done all, the next one finds its rules gone already: what it says is not the program's bad luck alone.
      if (tries === MAX_TRIES) throw error;
      onFault();
    }
  }
}

async function withPath<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const { PATH = '' } = process.env;
  process.env['PATH'] = `${folder}:${PATH}`;
  try {
    return await work();
  } finally {
    process.env['PATH'] = PATH;
  }
}
