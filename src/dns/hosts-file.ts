// Addresses that an operator gives names to, in the form of hosts(5): what such a text says, and what it answers. Pure.

import { familyOf, tryParseIp, type Ip } from '../base/ip.ts';
import { TYPE } from '../wire/dns/constants.ts';
import type { RecordData } from '../wire/dns/message.ts';
import { canonicalName, nameFromLabels, parseDnsName, type DnsName } from '../wire/dns/name.ts';
import { addressOf, reversePrefixOf } from './reverse-name.ts';

export interface HostsTable {
  readonly ips: ReadonlyMap<DnsName, readonly Ip[]>;
  readonly names: ReadonlyMap<Ip, readonly DnsName[]>;
}

/** A list of names that are to be blocked has some ten thousand. */
const MAX_NAMES = 200_000;

/** The table of several texts, in their order; lines that are none are passed over. */
export function parseHosts(...texts: readonly string[]): HostsTable {
  const ips = new Map<DnsName, Ip[]>();
  const names = new Map<Ip, DnsName[]>();
  for (const line of texts.flatMap((text) => text.split('\n'))) {
    const [address = '', ...words] = line.replace(/#.*/, '').trim().split(/\s+/);
    const ip = tryParseIp(address);
    for (const word of ip === undefined ? [] : words) {
      const name = tryName(word);
      if (name === undefined || ip === undefined || ips.size >= MAX_NAMES) continue;
      add(ips, name, ip);
      if (!name.startsWith('*.')) add(names, ip, name);
    }
  }
  return { ips, names };
}

/** Records of the asked type, none where the name has others alone; undefined for a name that the table lacks. */
export function lookUpHosts(
  table: HostsTable,
  labels: readonly string[],
  typeCode: number,
): readonly RecordData[] | undefined {
  const prefix = typeCode === TYPE.PTR ? reversePrefixOf(labels) : undefined;
  const ip = prefix === undefined ? undefined : addressOf(prefix);
  if (ip !== undefined) {
    return table.names.get(ip)?.map((target) => ({ kind: 'ptr', target }));
  }
  const ips = table.ips.get(nameFromLabels(labels)) ?? table.ips.get(wildcardOf(labels));
  return ips?.flatMap((it) => {
    const data = { kind: familyOf(it) === 4 ? 'a' : 'aaaa', ip: it } as const;
    return typeCode === TYPE[data.kind === 'a' ? 'A' : 'AAAA'] ? [data] : [];
  });
}

/** "*.example.org" for "www.example.org": stands for one label. */
function wildcardOf(labels: readonly string[]): DnsName {
  return nameFromLabels(labels.length === 0 ? [] : ['*', ...labels.slice(1)]);
}

function tryName(text: string): DnsName | undefined {
  try {
    return canonicalName(parseDnsName(text));
  } catch {
    return undefined;
  }
}

function add<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key) ?? [];
  if (!list.includes(value)) list.push(value);
  lists.set(key, list);
}
