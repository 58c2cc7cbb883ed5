// What of the IPVS backend's kernel the tests of its faults compare: what packets meet by it, and all that it holds.

import { cidrHasIp, parseCidr } from '../../src/base/cidr.ts';
import { familyOf, parseIp, type Ip } from '../../src/base/ip.ts';
import { nameOf } from '../../src/backends/service-ipvs/element-codec.ts';
import { IPVS_DEVICE, type IpvsKernel } from '../../src/backends/service-ipvs/kernel.ts';
import { frontendText, keyOfFrontend, observeRows } from '../../src/backends/service-ipvs/observe.ts';
import type { IpvsRow } from '../../src/backends/service-ipvs/row.ts';
import { traceIpvs } from '../../src/backends/service-ipvs/trace.ts';
import { ipvsKeyText } from '../../src/sys/ipvs.ts';
import { REFUSING_NODE } from './refusing-kernel.ts';
import { clientsOf } from './service-packets.ts';

type Rows = ReadonlyMap<string, IpvsRow>;

const NODE_IP = parseIp(REFUSING_NODE.ip);
const PLACE = { podCidrs: [parseCidr(REFUSING_NODE.podCidr)], nodeIps: [NODE_IP] };

/**
 * What packets meet by these rows: addresses that are this machine's because packets are led there, whether each client is led or dropped (who is
 * refused has no entry), and where those from inside and from outside are led, unhidden or not. Who may and where to are apart: one of a state with
 * the other of the next is nothing that nobody wanted.
 */
export function metBy(rows: Rows): ReadonlyMap<string, string> {
  const met = new Map<string, string>();
  for (const [key, row] of rows) {
    const openRow = { ...row, elements: row.elements.filter((it) => !/^(restricted|node)/.test(it)) };
    for (const source of sourcesFor(row.ip)) {
      const verdict = traceIpvs(new Map([[key, row]]), { ...row, source }, PLACE);
      if (verdict.kind === 'dropped') met.set(`${key} from ${source}`, 'dropped');
      if (verdict.kind === 'balanced') met.set(`${key} from ${source}`, 'led');
      const led = traceIpvs(new Map([[key, openRow]]), { ...row, source }, PLACE);
      if (led.kind !== 'balanced') continue;
      if (row.address !== 'not carried') met.set(`address of ${key}`, 'carried');
      const side = isInside(source) ? 'inside' : 'outside';
      for (const { ip, port } of led.to) {
        if (isSeenAsItself(row, ip)) met.set(`${key} from ${ip} to itself, unhidden`, 'led');
        met.set(`${key} from ${side} at ${ip} ${port}`, 'led');
        if (!led.isMasqueraded) met.set(`${key} from ${side} at ${ip} ${port}, unhidden`, 'led');
      }
    }
  }
  return met;
}

/** A pod of the node that is led to itself takes no packet from its own address. */
function isSeenAsItself(row: IpvsRow, pod: Ip): boolean {
  if (!isInside(pod)) return false;
  const verdict = traceIpvs(new Map([['', row]]), { ...row, source: pod }, PLACE);
  if (verdict.kind !== 'balanced' || verdict.isMasqueraded) return false;
  return verdict.to.some(({ ip }) => ip === pod) && !verdict.hairpins.some(({ ip }) => ip === pod);
}

function isInside(source: Ip): boolean {
  return source === NODE_IP || PLACE.podCidrs.some((it) => cidrHasIp(it, source));
}

/** One of each kind of client. */
function sourcesFor(ip: Ip): readonly Ip[] {
  return clientsOf(REFUSING_NODE.name, ip)
    .map((client) => (client.kind === 'node' ? NODE_IP : client.ip))
    .filter((it) => familyOf(it) === familyOf(ip));
}

/** What packets meet in a kernel. A service of an address that the table does not know would lead whom it does not judge. */
export async function metIn(kernel: IpvsKernel): Promise<ReadonlyMap<string, string>> {
  const rows = await observeRows(kernel);
  const known = new Set([...rows.values()].map((row) => ipvsKeyText(keyOfFrontend(row))));
  const services = await kernel.ipvs.services();
  const unknown = services.filter(({ key }) => key.kind === 'address' && !known.has(ipvsKeyText(key)));
  return new Map([
    ...metBy(withoutMarkless(rows)),
    ...unknown.map(({ key }): [string, string] => [`anybody by ${ipvsKeyText(key)}`, 'led']),
  ]);
}

/** As packets meet them: IPVS looks for the service of the address where there is none of the mark. */
function withoutMarkless(rows: Rows): Rows {
  return new Map(
    [...rows].map(([key, row]) => {
      const { inside, outside } = row;
      const isGone = outside?.scheduler === '';
      return [key, isGone ? { ...row, outside: inside && { ...inside, isHidden: outside.isHidden } } : row];
    }),
  );
}

/** All that the kernel holds, as text; marks without their numbers. */
export async function pictureOf({ ipvs, table, netlink }: IpvsKernel): Promise<readonly string[]> {
  const elements = (await table.list()) ?? [];
  const marks = new Set(elements.filter((it) => it.startsWith('marks')).map((it) => it.split(' : ')[1]));
  const keys = (await ipvs.services()).map(({ key }) => key);
  const addresses = await netlink.addresses(IPVS_DEVICE);
  return [
    ...elements.map((it) => (it.startsWith('marks') ? nameOf(it) : it)),
    ...keys.map((it) =>
      it.kind === 'address'
        ? ipvsKeyText(it)
        : marks.has(String(it.mark))
          ? 'service of a mark'
          : 'service of nobody',
    ),
    ...addresses.map(({ ip }) => `device ${ip}`),
  ].sort();
}

/** The same picture as rows mean it. */
export function meantPicture(rows: Rows): readonly string[] {
  const lines = [...rows.values()].flatMap((row) => {
    const family = familyOf(row.ip);
    const isCarried = row.address !== 'not carried';
    return [
      ...row.elements,
      ipvsKeyText(keyOfFrontend(row)),
      ...(isCarried ? [`carried${family} ${row.ip}`, `device ${row.ip}`] : []),
      ...(row.address === 'exclusive' ? [`exclusive${family} ${row.ip}`] : []),
      ...(row.outside === undefined ? [] : [`marks${family} ${frontendText(row)}`]),
    ];
  });
  const separate = [...rows.values()].filter((it) => it.outside !== undefined);
  return [...new Set(lines), ...separate.map(() => 'service of a mark')].sort();
}
