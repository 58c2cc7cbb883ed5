// Frontends as a target: rows of virtual services, elements of the table and addresses of the dummy device.
//
//   update   services of outside clients -> elements (who may, who is refused) -> addresses -> services of inside clients
//   delete   weights 0 -> what still has connections stays and is `draining`; the rest: services, elements, addresses

import { FairleadError, isAlreadyExists, isNotFound } from '../../base/errors.ts';
import { cidrLength, hostCidr } from '../../base/cidr.ts';
import { familyOf, type Ip } from '../../base/ip.ts';
import type { Target } from '../../reconcile/target.ts';
import { addMarked, balance, unbalance } from './balance.ts';
import { addLine, deleteLine, elementsOfTable } from './elements.ts';
import { IPVS_DEVICE, type IpvsKernel } from './kernel.ts';
import { groupElements, keyOfFrontend, markOf, observeRows } from './observe.ts';
import { isSameRow, type IpvsRow } from './row.ts';
import { isHiddenMark } from './table.ts';
import { printRow, refuseUnknownScheduler } from './schedulers.ts';

export function ipvsTarget(kernel: IpvsKernel): Target<IpvsRow> {
  return {
    name: 'service-ipvs',
    observe: () => observeRows(kernel),
    isEqual: isSameRow,
    update: (rows, _signal, seen) => updateRows(kernel, rows, seen),
    delete: (rows) => deleteRows(kernel, rows),
    print: printRow,
  };
}

interface ElementChange {
  readonly remove: readonly string[];
  readonly add: readonly string[];
}

async function updateRows(
  kernel: IpvsKernel,
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
  await changeElements(kernel, changes, failures);
  for (const [key, row] of rows)
    if (!failures.has(key)) await each(key, () => finish(kernel, key, row, seen));
  return failures;
}

/** Runs a row's step unless the row has failed; what it throws is its failure. */
function collector(
  failures: Map<string, unknown>,
): (key: string, step: () => Promise<void>) => Promise<void> {
  return async (key, step) => {
    try {
      await step();
    } catch (error) {
      failures.set(key, error);
    }
  };
}

/** The service of outside clients stands before any packet is marked for it. */
async function prepare(
  kernel: IpvsKernel,
  key: string,
  row: IpvsRow,
  seen: IpvsRow | undefined,
): Promise<ElementChange> {
  const family = familyOf(row.ip);
  const add = row.elements.filter((it) => !seen?.elements.includes(it));
  const remove = (seen?.elements ?? []).filter((it) => !row.elements.includes(it));
  if (row.address !== 'not carried') add.push(`carried${family} ${row.ip}`);
  if (row.address === 'exclusive') add.push(`exclusive${family} ${row.ip}`);
  if (seen?.address === 'exclusive' && row.address !== 'exclusive')
    remove.push(`exclusive${family} ${row.ip}`);
  if (row.outside === undefined) return { add, remove };
  const { outside } = row;
  const known = seen?.outside === undefined ? undefined : await knownMark(kernel, seen);
  const isKept = known !== undefined && isHiddenMark(known) === outside.isHidden;
  const mark = isKept ? known : addMarked(kernel.ipvs, key, { ...outside, family });
  const keepsFlows = row.protocol === 'TCP';
  await balance(kernel.ipvs, { kind: 'mark', family, mark }, { ...outside, keepsFlows });
  if (isKept) return { add, remove };
  if (known !== undefined) {
    // Whether clients are hidden is part of the number: the flows of the other number end.
    await unbalance(kernel.ipvs, { kind: 'mark', family, mark: known }, false);
    remove.push(`marks${family} ${frontendText(row)} : ${known}`);
  }
  add.push(`marks${family} ${frontendText(row)} : ${mark}`);
  return { add, remove };
}

async function finish(
  kernel: IpvsKernel,
  key: string,
  row: IpvsRow,
  seen: ReadonlyMap<string, IpvsRow>,
): Promise<void> {
  const before = seen.get(key);
  const keepsFlows = row.protocol === 'TCP';
  if (row.address !== 'not carried' && (before?.address ?? 'not carried') === 'not carried')
    await changeAddress(kernel, 'add-address', row.ip);
  if (row.inside !== undefined) await balance(kernel.ipvs, keyOfFrontend(row), { ...row.inside, keepsFlows });
  if (row.outside === undefined && before?.outside !== undefined)
    await dropOutside(kernel, before, keepsFlows);
}

/** True where it has to stay. */
async function dropOutside(kernel: IpvsKernel, row: IpvsRow, keepsFlows: boolean): Promise<boolean> {
  const mark = await knownMark(kernel, row);
  if (mark === undefined) return false;
  const family = familyOf(row.ip);
  if (await unbalance(kernel.ipvs, { kind: 'mark', family, mark }, keepsFlows)) return true;
  await kernel.applyScript(deleteLine(`marks${family} ${frontendText(row)}`));
  return false;
}

/** A row that was written and not observed since does not say its mark: the table does. */
async function knownMark(kernel: IpvsKernel, row: IpvsRow): Promise<number | undefined> {
  if (row.outside?.mark !== undefined) return row.outside.mark;
  const { byFrontend } = groupElements(elementsOfTable((await kernel.listTable()) ?? []));
  return markOf(byFrontend.get(`${row.ip} ${row.protocol.toLowerCase()} ${row.port}`)?.lines ?? []);
}

async function deleteRows(
  kernel: IpvsKernel,
  rows: ReadonlyMap<string, IpvsRow>,
): Promise<ReadonlyMap<string, unknown>> {
  const failures = new Map<string, unknown>();
  const changes = new Map<string, ElementChange>();
  const draining = new Set<string>();
  const each = collector(failures);
  for (const [key, row] of rows)
    await each(key, async () => {
      const keepsFlows = row.protocol === 'TCP';
      const stays = await unbalance(kernel.ipvs, keyOfFrontend(row), keepsFlows);
      const outsideStays = row.outside !== undefined && (await dropOutside(kernel, row, keepsFlows));
      if (stays || outsideStays) draining.add(key);
      changes.set(key, farewell(row, stays || outsideStays));
    });
  await changeElements(kernel, changes, failures);
  await releaseAddresses(kernel, new Set([...rows.values()].map((it) => it.ip)));
  for (const key of draining)
    if (!failures.has(key))
      failures.set(key, new FairleadError('draining', `Cannot remove frontend ${key}: it has connections`));
  return failures;
}

/** What drains keeps one element, which says that its services are ours and refuses those who come from outside. */
function farewell(row: IpvsRow, stays: boolean): ElementChange {
  if (!stays) return { remove: row.elements, add: [] };
  const last = `outside${familyOf(row.ip)} ${frontendText(row)} : goto refuse`;
  return {
    remove: row.elements.filter((it) => it !== last),
    add: row.elements.includes(last) ? [] : [last],
  };
}

/** All rows in one transaction; where that fails, row by row against what the table holds. */
async function changeElements(
  kernel: IpvsKernel,
  changes: ReadonlyMap<string, ElementChange>,
  failures: Map<string, unknown>,
): Promise<void> {
  try {
    await kernel.applyScript([...changes.values()].map(scriptOf).join(''));
  } catch {
    // Which row it was, or that the table is another than it was, is found below.
    for (const [key, change] of changes)
      await collector(failures)(key, async () => {
        const present = new Set(elementsOfTable((await kernel.listTable()) ?? []));
        await kernel.applyScript(
          scriptOf({
            remove: change.remove.filter((it) => present.has(it)),
            add: change.add.filter((it) => !present.has(it)),
          }),
        );
      });
  }
}

function scriptOf({ remove, add }: ElementChange): string {
  return [...remove.map(deleteLine), ...add.map(addLine)].join('');
}

/** An address goes with the last virtual service that has it. */
async function releaseAddresses(kernel: IpvsKernel, ips: ReadonlySet<Ip>): Promise<void> {
  if ((await kernel.netlink.link(IPVS_DEVICE)) === undefined) return;
  const used = new Set(
    (await kernel.ipvs.services()).map(({ key }) => (key.kind === 'address' ? key.ip : undefined)),
  );
  const carried = new Set((await kernel.netlink.addresses(IPVS_DEVICE)).map((it) => it.ip));
  const present = new Set(elementsOfTable((await kernel.listTable()) ?? []));
  for (const ip of ips) {
    if (used.has(ip)) continue;
    if (carried.has(ip)) await changeAddress(kernel, 'delete-address', ip);
    const shared = ['carried', 'exclusive'].map((it) => `${it}${familyOf(ip)} ${ip}`);
    await kernel.applyScript(
      shared
        .filter((it) => present.has(it))
        .map(deleteLine)
        .join(''),
    );
  }
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

function frontendText({ ip, protocol, port }: IpvsRow): string {
  return `${ip} . ${protocol.toLowerCase()} . ${port}`;
}
