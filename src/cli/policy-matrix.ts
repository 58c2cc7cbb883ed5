// `fairlead policy matrix`: who reaches whom at which ports.

import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { matrixCsv, matrixJson, matrixMarkdown, matrixText } from '../policy/matrix-text.ts';
import { matrixOf, type Matrix } from '../policy/matrix.ts';
import { loadPolicyWorld, podCidrsOf, type WorldFlags } from './policy-input.ts';

interface MatrixFlags extends WorldFlags {
  readonly ipv6?: boolean;
  readonly output?: 'json' | 'csv' | 'markdown' | 'wide';
}

export async function policyMatrixCommand(flags: MatrixFlags): Promise<void> {
  const world = await loadPolicyWorld(flags);
  const matrix = matrixOf(world, { family: flags.ipv6 === true ? 6 : 4, podCidrs: podCidrsOf(flags) });
  try {
    // A large cluster's matrix has gigabytes: no more of it is made than the reader takes.
    await pipeline(Readable.from(piecesOf(matrix, flags.output)), process.stdout, { end: false });
  } catch (error) {
    // A reader that has seen enough is no mistake.
    if (!(error instanceof Error && 'code' in error && error.code === 'EPIPE')) throw error;
  }
}

function piecesOf(matrix: Matrix, output: MatrixFlags['output']): Generator<string> {
  switch (output) {
    case 'json':
      return matrixJson(matrix);
    case 'csv':
      return matrixCsv(matrix);
    case 'markdown':
      return matrixMarkdown(matrix);
    case 'wide':
    case undefined:
      return matrixText(matrix, output === 'wide');
    default:
      return output satisfies never;
  }
}
