// `fairlead policy coverage`: which changes of the policies no test would notice.

import { mutationsOf, mutationText, percentOf } from '../policy/mutation/mutations.ts';
import { printForMachine } from './output.ts';
import { answering, loadPolicyWorld, podCidrsOf, type WorldFlags } from './policy-input.ts';
import { loadAssertions } from './policy-test.ts';

interface CoverageFlags extends WorldFlags {
  readonly failUnder: number;
  readonly output?: string;
}

/** Exit code 1 where fewer changes are noticed than `--fail-under` asks for, 2 or more where it could not be told. */
export function policyCoverageCommand(files: readonly string[], flags: CoverageFlags): Promise<void> {
  return answering(async () => {
    const assertions = loadAssertions(files);
    const world = await loadPolicyWorld(flags);
    const report = mutationsOf(world, assertions, { family: 4, podCidrs: podCidrsOf(flags) });
    const percent = percentOf(report);
    if (!printForMachine({ ...report, percent }, flags.output)) process.stdout.write(mutationText(report));
    if (percent < flags.failUnder) process.exitCode = 1;
  });
}
