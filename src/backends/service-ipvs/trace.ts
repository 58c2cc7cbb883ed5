// Walks a first packet through rendered rows as the table's chains and IPVS do. Pure; for tests, and for who asks where a packet would go.

import { cidrHasIp, hostCidr, parseCidr, type Cidr } from '../../base/cidr.ts';
import { familyOf, parseIp, type Ip } from '../../base/ip.ts';
import type { Port, Protocol } from '../../base/port.ts';
import type { Balancing, IpvsRow, RowDestination } from './row.ts';

export interface IpvsPacket {
  readonly source: Ip;
  readonly ip: Ip;
  readonly port: Port;
  readonly protocol: Protocol;
}

/** Where the packet is seen. */
export interface IpvsTraceContext {
  readonly podCidrs: readonly Cidr[];
  readonly nodeIps: readonly Ip[];
}

export type IpvsVerdict =
  /** To one of these; `hairpins` are those to which this client would leave with the node's address because it is one itself. */
  | {
      readonly kind: 'balanced';
      readonly to: readonly RowDestination[];
      readonly isMasqueraded: boolean;
      readonly hairpins: readonly RowDestination[];
    }
  | { readonly kind: 'refused' | 'dropped' }
  /** No frontend's: left to the node and its routes. */
  | { readonly kind: 'passed' };

/** What happens to the first packet of a flow. Rows by frontend key, as `renderFrontend` gives them. */
export function traceIpvs(
  rows: ReadonlyMap<string, IpvsRow>,
  packet: IpvsPacket,
  context: IpvsTraceContext,
): IpvsVerdict {
  const row = rows
    .values()
    .find(
      ({ ip, port, protocol }) => ip === packet.ip && port === packet.port && protocol === packet.protocol,
    );
  if (row === undefined) return unusedVerdict(rows, packet);
  const table = tableOf(row);
  const isNode = context.nodeIps.includes(packet.source);
  if (isNode && table.verdict('node') === 'drop') return { kind: 'dropped' };
  if (!isNode && !table.admits(packet.source)) return { kind: 'dropped' };
  const isInside = isNode || context.podCidrs.some((cidr) => cidrHasIp(cidr, packet.source));
  const verdict = table.verdict(isInside ? 'inside' : 'outside');
  if (verdict === 'drop') return { kind: 'dropped' };
  if (verdict === 'goto refuse') return { kind: 'refused' };
  const isSeparate = verdict?.startsWith('goto separate') ?? false;
  const balancing: Balancing | undefined = isSeparate ? row.outside : row.inside;
  const to = balancing?.destinations.filter((it) => it.weight > 0) ?? [];
  if (to.length === 0) return { kind: 'refused' };
  const isMasqueraded = isSeparate ? row.outside?.isHidden === true : verdict === 'goto hidden';
  const hairpins = to.filter((it) => it.ip === packet.source && table.isHairpin(it.ip));
  return { kind: 'balanced', to, isMasqueraded, hairpins };
}

function unusedVerdict(rows: ReadonlyMap<string, IpvsRow>, packet: IpvsPacket): IpvsVerdict {
  const isExclusive = rows.values().some(({ ip, address }) => ip === packet.ip && address === 'exclusive');
  return { kind: isExclusive ? 'refused' : 'passed' };
}

interface RowTable {
  verdict(map: 'inside' | 'node' | 'outside'): string | undefined;
  admits(source: Ip): boolean;
  isHairpin(ip: Ip): boolean;
}

/** The row's elements as what the rules look up. */
function tableOf({ ip, protocol, port, elements }: IpvsRow): RowTable {
  const family = familyOf(ip);
  const key = `${ip} . ${protocol.toLowerCase()} . ${port}`;
  const behind = (prefix: string): readonly string[] =>
    elements.filter((it) => it.startsWith(prefix)).map((it) => it.slice(prefix.length));
  return {
    verdict: (map) => behind(`${map}${family} ${key} : `)[0],
    admits: (source) =>
      !elements.includes(`restricted${family} ${key}`) ||
      behind(`ranges${family} ${key} . `).some((it) => cidrHasIp(rangeOf(it), source)),
    isHairpin: (it) => elements.includes(`hairpins${family} ${key} . ${it} . ${it}`),
  };
}

function rangeOf(text: string): Cidr {
  return text.includes('/') ? parseCidr(text) : hostCidr(parseIp(text));
}
