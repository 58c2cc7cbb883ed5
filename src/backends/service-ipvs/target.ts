// Frontends as a target: rows of virtual services, elements of the table and addresses of the dummy device. What a change costs does not
// depend on how many frontends there are: nothing is listed but the destinations of its own virtual services.
//
//   update   `update-rows.ts`
//   delete   weights 0 -> what still has connections stays and is `draining`; the rest: services, addresses, elements

import { FairleadError } from '../../base/errors.ts';
import { familyOf } from '../../base/ip.ts';
import type { Target } from '../../reconcile/target.ts';
import { AddressUse } from './address-use.ts';
import { unbalance } from './balance.ts';
import { changeElements } from './change-elements.ts';
import { collector } from './collector.ts';
import { changeAddress } from './device-address.ts';
import type { ElementChange } from './element-table.ts';
import type { IpvsKernel } from './kernel.ts';
import { frontendText, keyOfFrontend, observeRows } from './observe.ts';
import { isSameRow, type IpvsRow } from './row.ts';
import { printRow } from './schedulers.ts';
import { dropSeparate } from './separate.ts';
import { updateRows } from './update-rows.ts';

export function ipvsTarget(kernel: IpvsKernel): Target<IpvsRow> {
  const use = new AddressUse();
  return {
    name: 'service-ipvs',
    observe: async () => {
      const rows = await observeRows(kernel);
      use.observe(rows);
      return rows;
    },
    isEqual: isSameRow,
    update: (rows, _signal, seen) => updateRows(kernel, use, rows, seen),
    delete: (rows) => deleteRows(kernel, use, rows),
    print: printRow,
  };
}

async function deleteRows(
  kernel: IpvsKernel,
  use: AddressUse,
  rows: ReadonlyMap<string, IpvsRow>,
): Promise<ReadonlyMap<string, unknown>> {
  const failures = new Map<string, unknown>();
  const changes = new Map<string, ElementChange>();
  const draining = new Set<string>();
  const each = collector(failures);
  for (const [key, row] of rows)
    await each(key, async () => {
      const keepsFlows = row.protocol === 'TCP';
      const known = row.inside?.destinations;
      const stays = await unbalance(kernel.ipvs, keyOfFrontend(row), { keepsFlows, known });
      // One that the row does not say may drain yet.
      const outsideStays = await dropSeparate(kernel, row);
      if (stays || outsideStays) draining.add(key);
      changes.set(key, stays || outsideStays ? remains(row) : await leave(kernel, use, key, row));
    });
  await changeElements(kernel.table, changes, failures);
  // What failed is there yet, and so is its claim on the address.
  for (const [key, { ip }] of rows) if (failures.has(key) || draining.has(key)) use.add(key, ip);
  for (const key of draining)
    if (!failures.has(key))
      failures.set(key, new FairleadError('draining', `Cannot remove frontend ${key}: it has connections`));
  return failures;
}

/** The address goes before the elements: whoever is interrupted between finds the row again. */
async function leave(kernel: IpvsKernel, use: AddressUse, key: string, row: IpvsRow): Promise<ElementChange> {
  if (!use.remove(key, row.ip)) return { remove: row.elements, add: [] };
  await changeAddress(kernel, 'delete-address', row.ip);
  const shared = ['carried', 'exclusive'].map((it) => `${it}${familyOf(row.ip)} ${row.ip}`);
  return { remove: row.elements, add: [], clear: shared };
}

/** What drains keeps one element, which says that its services are ours and refuses those who come from outside. */
function remains(row: IpvsRow): ElementChange {
  const last = `outside${familyOf(row.ip)} ${frontendText(row)} : goto refuse`;
  return {
    remove: row.elements.filter((it) => it !== last),
    add: row.elements.includes(last) ? [] : [last],
  };
}
