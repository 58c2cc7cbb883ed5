// Reads rows back: which frontends are ours says the table, their services and destinations say IPVS.

import { familyOf, parseIp, type Ip } from '../../base/ip.ts';
import { parsePort, parseProtocol } from '../../base/port.ts';
import { frontendKey } from '../../model/network.ts';
import { ipvsKeyText } from '../../sys/ipvs.ts';
import type { IpvsKey, IpvsService } from '../../wire/netlink/ipvs.ts';
import { IPVS_DEVICE, type IpvsKernel } from './kernel.ts';
import { isHiddenMark } from './table.ts';
import type { Balancing, IpvsRow, RowDestination } from './row.ts';

type RowFrontend = Pick<IpvsRow, 'ip' | 'port' | 'protocol'>;

/** Rows by frontend key; none where the kernel has no IPVS or the table is not there. */
export async function observeRows(kernel: IpvsKernel): Promise<ReadonlyMap<string, IpvsRow>> {
  const present = kernel.ipvs.isPresent() ? await kernel.table.list() : undefined;
  if (present === undefined) return new Map();
  const elements = groupElements(present);
  const services = new Map((await kernel.ipvs.services()).map((it) => [ipvsKeyText(it.key), it]));
  const carried = await carriedAddresses(kernel);
  const rows = new Map<string, IpvsRow>();
  for (const { frontend, lines } of elements.byFrontend.values()) {
    if (!lines.some((it) => it.startsWith('outside'))) continue;
    const balancing = (key: IpvsKey): Promise<Balancing | undefined> => balancingOf(kernel, key, services);
    rows.set(frontendKey(frontend), {
      ...frontend,
      service: '',
      address: addressState(frontend.ip, carried, elements),
      inside: await balancing(keyOfFrontend(frontend)),
      outside: await outsideOf(frontend, lines, balancing),
      elements: lines.filter((it) => !it.startsWith('marks')).toSorted(),
    });
  }
  return rows;
}

/** Addresses on the dummy device. */
async function carriedAddresses({ netlink }: IpvsKernel): Promise<ReadonlySet<Ip>> {
  if ((await netlink.link(IPVS_DEVICE)) === undefined) return new Set();
  return new Set((await netlink.addresses(IPVS_DEVICE)).map((it) => it.ip));
}

function addressState(ip: Ip, carried: ReadonlySet<Ip>, { addresses }: GroupedElements): IpvsRow['address'] {
  const family = familyOf(ip);
  const isExclusive = addresses.has(`exclusive${family} ${ip}`);
  const isNamed = addresses.has(`carried${family} ${ip}`);
  if (carried.has(ip) && isNamed) return isExclusive ? 'exclusive' : 'carried';
  return carried.has(ip) || isNamed || isExclusive ? 'in part' : 'not carried';
}

export function keyOfFrontend({ protocol, ip, port }: RowFrontend): IpvsKey {
  return { kind: 'address', protocol, ip, port };
}

/** The begin of all keys of a frontend in the table. */
export function frontendText({ ip, protocol, port }: RowFrontend): string {
  return `${ip} . ${protocol.toLowerCase()} . ${port}`;
}

async function outsideOf(
  { ip }: RowFrontend,
  lines: readonly string[],
  balancing: (key: IpvsKey) => Promise<Balancing | undefined>,
): Promise<IpvsRow['outside']> {
  const mark = markOf(lines);
  if (mark === undefined) return undefined;
  const found = await balancing({ kind: 'mark', family: familyOf(ip), mark });
  // A mark without its service is repaired like a service without destinations.
  const service = found ?? { scheduler: '', persistenceS: 0, destinations: [] };
  return { ...service, mark, isHidden: isHiddenMark(mark) };
}

/** The number that a frontend's element of `marks4` or `marks6` gives. */
export function markOf(lines: readonly string[]): number | undefined {
  const text = lines.find((it) => it.startsWith('marks'))?.split(' : ')[1];
  return text === undefined ? undefined : Number(text);
}

async function balancingOf(
  { ipvs }: IpvsKernel,
  key: IpvsKey,
  services: ReadonlyMap<string, IpvsService>,
): Promise<Balancing | undefined> {
  const service = services.get(ipvsKeyText(key));
  if (service === undefined) return undefined;
  const mayWait = key.kind === 'mark' || key.protocol === 'TCP';
  const destinations = (await ipvs.destinations(key)).map(
    ({ ip, port, weight, activeConnections, inactiveConnections }): RowDestination => ({
      ip,
      port,
      weight,
      connections: mayWait ? activeConnections + inactiveConnections : 0,
    }),
  );
  return { scheduler: service.scheduler, persistenceS: service.persistenceS, destinations };
}

interface GroupedElements {
  readonly byFrontend: ReadonlyMap<string, { readonly frontend: RowFrontend; readonly lines: string[] }>;
  /** Those that many frontends share: "carried4 10.96.0.1", "exclusive4 10.96.0.1". */
  readonly addresses: ReadonlySet<string>;
}

/** "<set> <address> . <protocol> . <port> ..." by what stands between the set and the rest. */
function groupElements(elements: readonly string[]): GroupedElements {
  const byFrontend = new Map<string, { readonly frontend: RowFrontend; readonly lines: string[] }>();
  const addresses = new Set<string>();
  for (const element of elements) {
    const [, ip, protocol, port] = /^[a-z]+[46] (\S+) \. ([a-z]+) \. (\d+)/.exec(element) ?? [];
    if (ip === undefined || protocol === undefined) {
      addresses.add(element);
      continue;
    }
    const key = `${ip} ${protocol} ${port}`;
    const known = byFrontend.get(key);
    if (known !== undefined) known.lines.push(element);
    else
      byFrontend.set(key, {
        frontend: {
          ip: parseIp(ip),
          port: parsePort(Number(port)),
          protocol: parseProtocol(protocol.toUpperCase()),
        },
        lines: [element],
      });
  }
  return { byFrontend, addresses };
}
