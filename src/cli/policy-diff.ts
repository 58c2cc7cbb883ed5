// `fairlead policy diff`: what a change of policies opens and closes. Exit codes as those of kubectl diff.

import { FairleadError } from '../base/errors.ts';
import { overlaid } from '../policy/overlay.ts';
import type { PlacedObject } from '../policy/placed-object.ts';
import { diffForm, diffMarkdown, diffText } from '../policy/reach-diff-text.ts';
import { diffReach, isEmptyDiff } from '../policy/reach-diff.ts';
import { printForMachine } from './output.ts';
import { answering, loadChecked, loadObjects, podCidrsOf, worldOf, type WorldFlags } from './policy-input.ts';

interface DiffFlags extends WorldFlags {
  readonly ipv6?: boolean;
  readonly output?: string;
}

/** Exit code 1 where something differs, 2 or more where it could not be told. */
export function policyDiffCommand(files: readonly string[], flags: DiffFlags): Promise<void> {
  return answering(async () => {
    const { before, after } = await bothSides(files, flags);
    const diff = diffReach(worldOf(before, flags), worldOf(after, flags), {
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

interface BothSides {
  readonly before: readonly PlacedObject[];
  readonly after: readonly PlacedObject[];
}

/** Two sources, or a cluster and what would be applied to it. */
async function bothSides(files: readonly string[], flags: DiffFlags): Promise<BothSides> {
  if (flags.cluster !== undefined) {
    const before = await loadObjects(flags);
    return { before, after: overlaid(before, await loadChecked(files)) };
  }
  const [old, now, ...more] = files;
  if (old === undefined || now === undefined || more.length > 0)
    throw new FairleadError(
      'invalid',
      'Cannot compare: name two manifests, or --cluster and what would be applied',
    );
  const shared = await loadChecked(flags.filename);
  return {
    before: [...shared, ...(await loadChecked([old]))],
    after: [...shared, ...(await loadChecked([now]))],
  };
}
