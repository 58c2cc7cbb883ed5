// Frontends as a target: rows of virtual services, elements of the table and addresses of the dummy device. What a change costs does not
// depend on how many frontends there are: nothing is listed but the destinations of its own virtual services.
//
//   update   services of outside clients -> elements (who may, who is refused) -> services of inside clients -> addresses
//            (services of inside clients before the elements where those bring new clients to them: `service-first.ts`)
//   delete   weights 0 -> what still has connections stays and is `draining`; the rest: services, addresses, elements

import { FairleadError, isAlreadyExists, isNotFound } from '../../base/errors.ts';
import { cidrLength, hostCidr } from '../../base/cidr.ts';
import { familyOf, type Ip } from '../../base/ip.ts';
import type { Target } from '../../reconcile/target.ts';
import { AddressUse } from './address-use.ts';
import { balance, unbalance } from './balance.ts';
import { changeElements } from './change-elements.ts';
import { collector } from './collector.ts';
import type { ElementChange } from './element-table.ts';
import { IPVS_DEVICE, type IpvsKernel } from './kernel.ts';
import { frontendText, keyOfFrontend, observeRows } from './observe.ts';
import { isSameRow, type IpvsRow } from './row.ts';
import { dropSeparate, prepareSeparate } from './separate.ts';
import { isServiceFirst } from './service-first.ts';
import { printRow, refuseUnknownScheduler } from './schedulers.ts';

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

async function updateRows(
  kernel: IpvsKernel,
  use: AddressUse,
  rows: ReadonlyMap<string, IpvsRow>,
  seen: ReadonlyMap<string, IpvsRow>,
): Promise<ReadonlyMap<string, unknown>> {
  const failures = new Map<string, unknown>();
  const changes = new Map<string, ElementChange>();
  const each = collector(failures);
  for (const [key, row] of rows)
    await each(key, async () => {
      refuseUnknownScheduler(row);
      changes.set(key, await prepare(kernel, key, row, seen.get(key)));
    });
  await changeElements(kernel.table, changes, failures);
  for (const [key, row] of rows)
    if (!failures.has(key)) {
      use.add(key, row.ip);
      await each(key, () => finish(kernel, row, seen.get(key)));
    }
  return failures;
}

async function prepare(
  kernel: IpvsKernel,
  key: string,
  row: IpvsRow,
  seen: IpvsRow | undefined,
): Promise<ElementChange> {
  const family = familyOf(row.ip);
  const separate = await prepareSeparate(kernel, key, row, seen);
  const add = row.elements.filter((it) => !seen?.elements.includes(it));
  const remove = (seen?.elements ?? []).filter((it) => !row.elements.includes(it));
  const clear: string[] = [];
  (row.address === 'not carried' ? clear : add).push(`carried${family} ${row.ip}`);
  (row.address === 'exclusive' ? add : clear).push(`exclusive${family} ${row.ip}`);
  if (isServiceFirst(row, seen)) await balanceInside(kernel, row, seen);
  return { remove: [...separate.remove, ...remove], add: [...separate.add, ...add], clear };
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

async function changeAddress(
  { netlink }: IpvsKernel,
  kind: 'add-address' | 'delete-address',
  ip: Ip,
): Promise<void> {
  const isDone = kind === 'add-address' ? isAlreadyExists : isNotFound;
  const change = { kind, link: IPVS_DEVICE, ip, prefixLength: cidrLength(hostCidr(ip)) } as const;
  await netlink.apply([change]).catch((error: unknown) => {
    if (!isDone(error)) throw error;
  });
}
