// Virtual services of marks that no frontend has any more: what a refusal of the kernel or the end of the agent left half-way. None is wanted.

import { FairleadError } from '../../base/errors.ts';
import type { Target } from '../../reconcile/target.ts';
import { ipvsKeyText } from '../../sys/ipvs.ts';
import type { IpvsKey } from '../../wire/netlink/ipvs.ts';
import { unbalance } from './balance.ts';
import { collector } from './collector.ts';
import type { IpvsKernel } from './kernel.ts';
import { markOf } from './observe.ts';
import { isServiceMark } from './table.ts';

export function strayTarget(kernel: IpvsKernel): Target<IpvsKey> {
  return {
    name: 'service-ipvs strays',
    isCollecting: true,
    observe: () => observeStrays(kernel),
    isEqual: () => true,
    update: () => Promise.resolve(new Map()),
    delete: (strays) => deleteStrays(kernel, strays),
  };
}

/** None where the table is not there: it alone says whose a mark is. */
export async function observeStrays({ ipvs, table }: IpvsKernel): Promise<ReadonlyMap<string, IpvsKey>> {
  const marks = ipvs.isPresent() ? await table.list(['marks4', 'marks6']) : undefined;
  if (marks === undefined) return new Map();
  const known = new Set(marks.map((it) => `${it.slice(0, 'marks4'.length)} ${markOf([it])}`));
  const strays = (await ipvs.services())
    .map(({ key }) => key)
    .filter(
      (key) => key.kind === 'mark' && isServiceMark(key.mark) && !known.has(`marks${key.family} ${key.mark}`),
    );
  return new Map(strays.map((key) => [ipvsKeyText(key), key]));
}

/** Nobody is led to it any more, but flows of before may live: it goes with the last of them. */
async function deleteStrays(
  { ipvs }: IpvsKernel,
  strays: ReadonlyMap<string, IpvsKey>,
): Promise<ReadonlyMap<string, unknown>> {
  const failures = new Map<string, unknown>();
  const each = collector(failures);
  for (const [text, key] of strays)
    await each(text, async () => {
      if (await unbalance(ipvs, key, { keepsFlows: true }))
        throw new FairleadError('draining', `Cannot remove virtual service ${text}: it has connections`);
    });
  return failures;
}
