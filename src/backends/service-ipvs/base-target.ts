// What all frontends hang on: settings of IPVS, the dummy device, the table without its elements.

import { isAlreadyExists, FairleadError, isNotFound } from '../../base/errors.ts';
import type { ServiceView } from '../../model/network.ts';
import type { Target } from '../../reconcile/target.ts';
import { readSysctl, writeSysctl } from '../../sys/sysctl.ts';
import { IPVS_DEVICE, type IpvsKernel } from './kernel.ts';
import { observeStrays } from './stray-services.ts';
import { IPVS_TABLE, tableMark, tableScript, type TablePlace } from './table.ts';

/** In the order in which they have to exist. */
export type BaseEntry =
  | { readonly kind: 'table'; readonly mark: string; readonly place: TablePlace | undefined }
  /** IPv6 addresses of a device that is down are not the machine's. */
  | { readonly kind: 'device'; readonly isUp: boolean }
  | { readonly kind: 'setting'; readonly value: string };

/** The README says why each is what it is. */
const SETTINGS: ReadonlyMap<string, string> = new Map([
  ['net/ipv4/vs/conntrack', '1'],
  ['net/ipv4/vs/conn_reuse_mode', '1'],
  ['net/ipv4/vs/expire_nodest_conn', '1'],
  ['net/ipv4/vs/expire_quiescent_template', '1'],
  ['net/ipv4/vs/sloppy_tcp', '0'],
  ['net/ipv4/vs/sloppy_sctp', '0'],
  ['net/ipv4/conf/all/arp_ignore', '1'],
  ['net/ipv4/conf/all/arp_announce', '2'],
]);

export function renderBase({ node }: ServiceView): ReadonlyMap<string, BaseEntry> {
  const place: TablePlace = { podCidrs: node.podCidrs, nodeIps: node.addresses };
  return new Map<string, BaseEntry>([
    ['table', { kind: 'table', mark: tableMark(place), place }],
    ['device', { kind: 'device', isUp: true }],
    ...[...SETTINGS].map(([key, value]): [string, BaseEntry] => [key, { kind: 'setting', value }]),
  ]);
}

export function baseTarget(kernel: IpvsKernel): Target<BaseEntry> {
  return {
    name: 'service-ipvs base',
    isBase: true,
    observe: () => observeBase(kernel),
    isEqual: isSameEntry,
    update: (entries) => perEntry(entries, (key, entry) => writeEntry(kernel, key, entry)),
    delete: (entries) => perEntry(entries, (_key, entry) => removeEntry(kernel, entry)),
    print: (verb, key, entry) =>
      entry.kind === 'setting'
        ? [`sysctl -w ${key.replaceAll('/', '.')}=${entry.value}`]
        : [
            `${verb === 'update' ? 'add' : 'delete'} ${key} ${entry.kind === 'table' ? IPVS_TABLE.name : IPVS_DEVICE}`,
          ],
  };
}

function isSameEntry(a: BaseEntry, b: BaseEntry): boolean {
  if (a.kind === 'table' && b.kind === 'table') return a.mark === b.mark;
  if (a.kind === 'device' && b.kind === 'device') return a.isUp === b.isUp;
  if (a.kind === 'setting' && b.kind === 'setting') return a.value === b.value;
  return a.kind === b.kind;
}

/** Settings count while the device is there: they are not taken back when it goes, others may want them. */
async function observeBase(kernel: IpvsKernel): Promise<ReadonlyMap<string, BaseEntry>> {
  const entries = new Map<string, BaseEntry>();
  if (!kernel.ipvs.isPresent()) return entries;
  const mark = await kernel.table.mark();
  if (mark !== undefined) entries.set('table', { kind: 'table', mark, place: undefined });
  const device = await kernel.netlink.link(IPVS_DEVICE);
  if (device === undefined) return entries;
  entries.set('device', { kind: 'device', isUp: device.isUp });
  for (const key of SETTINGS.keys())
    entries.set(key, { kind: 'setting', value: readSysctl(kernel.netns, key) });
  return entries;
}

async function writeEntry(kernel: IpvsKernel, key: string, entry: BaseEntry): Promise<void> {
  if (entry.kind === 'setting') return writeSysctl(kernel.netns, key, entry.value);
  if (entry.kind === 'table')
    return entry.place === undefined ? undefined : kernel.table.load(tableScript(entry.place));
  const add = { kind: 'add-dummy', name: IPVS_DEVICE, alias: 'fairlead service-ipvs' } as const;
  await kernel.netlink.apply([add]).catch((error: unknown) => {
    if (!isAlreadyExists(error)) throw error;
  });
  await kernel.netlink.apply([{ kind: 'set-link', name: IPVS_DEVICE, isUp: true }]);
}

/** The table translates connections that are there yet, and the device carries their addresses: both stay as long as those. */
async function removeEntry(kernel: IpvsKernel, entry: BaseEntry): Promise<void> {
  if (entry.kind === 'setting') return;
  if ((await kernel.table.hasFrontends()) || (await observeStrays(kernel)).size > 0)
    throw new FairleadError(
      'draining',
      `Cannot remove the ${entry.kind} of IPVS: there are virtual services`,
    );
  if (entry.kind === 'table') {
    const { family, name } = IPVS_TABLE;
    return kernel.table.load(`add table ${family} ${name}\ndelete table ${family} ${name}\n`);
  }
  await kernel.netlink.apply([{ kind: 'delete-link', name: IPVS_DEVICE }]).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
  });
}

async function perEntry(
  entries: ReadonlyMap<string, BaseEntry>,
  work: (key: string, entry: BaseEntry) => Promise<void>,
): Promise<ReadonlyMap<string, unknown>> {
  const failures = new Map<string, unknown>();
  for (const [key, entry] of entries)
    await work(key, entry).catch((error: unknown) => {
      failures.set(key, error);
    });
  return failures;
}
