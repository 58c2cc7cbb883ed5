// `fairlead policy matrix`: who reaches whom at which ports.

import { matrixOf } from '../policy/matrix.ts';
import { matrixCsv, matrixMarkdown, matrixText } from '../policy/matrix-text.ts';
import { printForMachine } from './output.ts';
import { loadPolicyWorld, podCidrsOf, type WorldFlags } from './policy-input.ts';

interface MatrixFlags extends WorldFlags {
  readonly ipv6?: boolean;
  readonly output?: string;
}

export async function policyMatrixCommand(flags: MatrixFlags): Promise<void> {
  const world = await loadPolicyWorld(flags);
  const matrix = matrixOf(world, { family: flags.ipv6 === true ? 6 : 4, podCidrs: podCidrsOf(flags) });
  if (printForMachine(matrix, flags.output)) return;
  if (flags.output === 'csv') process.stdout.write(matrixCsv(matrix));
  else if (flags.output === 'markdown') process.stdout.write(matrixMarkdown(matrix));
  else process.stdout.write(matrixText(matrix, flags.output === 'wide'));
}
