// Rows brought to a wish, in an order that leads nobody where neither what was nor what will be leads:
//
//   services of outside clients -> elements (who may, who is refused) -> services of inside clients -> addresses -> old hairpins
//
// Where the elements bring clients to the services of inside clients, these and new hairpins come before them (`service-first.ts`).

import { familyOf } from '../../base/ip.ts';
import type { AddressUse } from './address-use.ts';
import { balance } from './balance.ts';
import { changeElements } from './change-elements.ts';
import { collector } from './collector.ts';
import { changeAddress } from './device-address.ts';
import type { ElementChange } from './element-table.ts';
import type { IpvsKernel } from './kernel.ts';
import { keyOfFrontend } from './observe.ts';
import type { IpvsRow } from './row.ts';
import { refuseUnknownScheduler } from './schedulers.ts';
import { dropSeparate, prepareSeparate } from './separate.ts';
import { isServiceFirst } from './service-first.ts';

type Rows = ReadonlyMap<string, IpvsRow>;

/** Elements of a row by when they change. A pod is hidden from itself as long as it may be led to itself. */
type ElementSteps = Readonly<Record<'before' | 'between' | 'after', ElementChange>>;

export async function updateRows(
  kernel: IpvsKernel,
  use: AddressUse,
  rows: Rows,
  seen: Rows,
): Promise<ReadonlyMap<string, unknown>> {
  const failures = new Map<string, unknown>();
  const collect = collector(failures);
  const each = async (step: (row: IpvsRow, seen: IpvsRow | undefined, key: string) => Promise<void>) => {
    for (const [key, row] of rows)
      if (!failures.has(key)) await collect(key, () => step(row, seen.get(key), key));
  };
  const changes = new Map<string, ElementSteps>();
  const changeThose = async (when: keyof ElementSteps): Promise<void> => {
    const due = [...changes].filter(([key]) => !failures.has(key));
    await changeElements(kernel.table, new Map(due.map(([key, it]) => [key, it[when]])), failures);
  };
  await each(async (row, before, key) => {
    refuseUnknownScheduler(row);
    changes.set(key, elementSteps(row, before, await prepareSeparate(kernel, key, row, before)));
  });
  await changeThose('before');
  await each(async (row, before) => {
    if (isServiceFirst(row, before)) await balanceInside(kernel, row, before);
  });
  await changeThose('between');
  await each(async (row, before, key) => {
    use.add(key, row.ip);
    await finish(kernel, row, before);
  });
  await changeThose('after');
  return failures;
}

function elementSteps(row: IpvsRow, before: IpvsRow | undefined, separate: ElementChange): ElementSteps {
  const come = row.elements.filter((it) => !before?.elements.includes(it));
  const go = (before?.elements ?? []).filter((it) => !row.elements.includes(it));
  const early = isServiceFirst(row, before) ? come.filter(isHairpin) : [];
  const add = [...separate.add, ...come.filter((it) => !early.includes(it))];
  const remove = [...separate.remove, ...go.filter((it) => !isHairpin(it))];
  const clear: string[] = [];
  const family = familyOf(row.ip);
  (row.address === 'not carried' ? clear : add).push(`carried${family} ${row.ip}`);
  (row.address === 'exclusive' ? add : clear).push(`exclusive${family} ${row.ip}`);
  return {
    before: { remove: [], add: early },
    between: { remove, add, clear },
    after: { remove: go.filter(isHairpin), add: [] },
  };
}

function isHairpin(element: string): boolean {
  return element.startsWith('hairpins');
}

async function finish(kernel: IpvsKernel, row: IpvsRow, before: IpvsRow | undefined): Promise<void> {
  if (!isServiceFirst(row, before)) await balanceInside(kernel, row, before);
  const was = before?.address ?? 'not carried';
  const isCarried = row.address !== 'not carried';
  if (was === 'in part' || isCarried !== (was !== 'not carried'))
    await changeAddress(kernel, isCarried ? 'add-address' : 'delete-address', row.ip);
  if (row.outside === undefined && before?.outside !== undefined) await dropSeparate(kernel, before);
}

async function balanceInside({ ipvs }: IpvsKernel, row: IpvsRow, before: IpvsRow | undefined): Promise<void> {
  if (row.inside === undefined) return;
  const isNew = before?.inside === undefined;
  await balance(ipvs, keyOfFrontend(row), { ...row.inside, keepsFlows: row.protocol === 'TCP', isNew });
}
