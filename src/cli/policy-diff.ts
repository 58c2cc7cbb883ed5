// `fairlead policy diff`: what a change of policies opens and closes. Exit codes as those of kubectl diff.

import { diffForm, diffMarkdown, diffText } from '../policy/reach-diff-text.ts';
import { diffReach, isEmptyDiff } from '../policy/reach-diff.ts';
import { printForMachine } from './output.ts';
import { answering, loadChecked, podCidrsOf, worldOf, type WorldFlags } from './policy-input.ts';

interface DiffFlags extends WorldFlags {
  readonly ipv6?: boolean;
  readonly output?: string;
}

/** Exit code 1 where something differs, 2 or more where it could not be told. */
export function policyDiffCommand(old: string, now: string, flags: DiffFlags): Promise<void> {
  return answering(async () => {
    const shared = await loadChecked(flags.filename);
    const before = worldOf([...shared, ...(await loadChecked([old]))], flags);
    const after = worldOf([...shared, ...(await loadChecked([now]))], flags);
    const diff = diffReach(before, after, {
      family: flags.ipv6 === true ? 6 : 4,
      podCidrs: podCidrsOf(flags),
    });
    if (!printForMachine(diffForm(diff), flags.output))
      process.stdout.write(
        flags.output === 'markdown' ? diffMarkdown(diff) : diffText(diff, flags.output === 'wide'),
      );
    if (!isEmptyDiff(diff)) process.exitCode = 1;
  });
}
