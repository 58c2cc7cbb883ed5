// What must be there before a cluster is raised: rights, what the build makes, what the kernel must have.

import { accessSync, constants } from 'node:fs';
import { FairleadError } from '../../base/errors.ts';
import { probeMachine, PROBES, type ProbeResult } from '../../sys/probe.ts';
import type { Installation } from './process-table.ts';

/** Each starts `nft` or asks what `nft-nat` needs as well: they are asked one by one only where something is missing. */
const IMPLIED = ['program-nft', 'nftables', 'conntrack'];

export function refuseUnprivileged(): void {
  if (process.getuid?.() === 0) return;
  throw new FairleadError('forbidden', 'Cannot make network namespaces: root is needed (sudo fairlead ...)');
}

/** Throws `unsupported` where the programs of this clone have not been built. */
export function refuseUnbuilt(installation: Installation): void {
  const { cniProgram, runProgram, objectDir } = installation;
  for (const [file, mode] of [
    [cniProgram, constants.X_OK],
    [runProgram, constants.X_OK],
    [objectDir, constants.R_OK],
  ] as const) {
    try {
      accessSync(file, mode);
    } catch (error) {
      throw new FairleadError('unsupported', `Cannot find ${file}: not built; "npm run setup" builds it`, {
        cause: error,
      });
    }
  }
}

/** Throws `unsupported` with every required feature that this kernel says it has not; what could not be told is tried. */
export async function refuseLackingKernel(probe: typeof probeMachine = probeMachine): Promise<void> {
  const required = PROBES.filter((it) => it.need === 'required');
  const quick = await probe(required.filter((it) => !IMPLIED.includes(it.name)));
  if (!quick.some(isMissing)) return;
  const missing = (await probe(required)).filter(isMissing);
  const lines = missing.map(
    ({ probe: it, support }) =>
      `${it.name} (${it.neededFor})${support.kind === 'yes' ? '' : `: ${support.because}`}`,
  );
  throw new FairleadError(
    'unsupported',
    `Cannot raise a cluster on this machine: it lacks\n${lines.map((line) => `  ${line}`).join('\n')}\n"fairlead doctor" shows everything`,
  );
}

function isMissing({ support }: ProbeResult): boolean {
  return support.kind === 'no';
}
