// The meaning of a view as one nftables table, written out whole for every view: slow, plain, and nothing that a product would do. It shows
// that the rows of the contract can be met, and that the world carries them.

import { cidrFamily, type Cidr } from '../../src/base/cidr.ts';
import { familyOf, type Family } from '../../src/base/ip.ts';
import type { EndpointChoice, Frontend, ServiceView } from '../../src/model/network.ts';

export const REFERENCE_TABLE = 'fairlead-reference';
/** The mark of an outside client that is to be hidden behind the node. */
const HIDE = '0x1';
const SIDES = ['inside', 'outside'] as const;
type Side = (typeof SIDES)[number];

/** The script that replaces the table. */
export function referenceScript(view: ServiceView): string {
  const frontends = [...view.frontends.values()].filter((it) => it.kind === 'balanced');
  const byClient = (inside: string, outside: string): readonly string[] => [
    ...view.node.podCidrs.map((cidr) => `${addressWord(cidrFamily(cidr))} saddr ${cidr} goto ${inside}`),
    `goto ${outside}`,
  ];
  const tables = [
    ...frontends.flatMap((it, at) => SIDES.flatMap((side) => choiceChains(it, at, side))),
    ...SIDES.map((side) => chain(side, frontends.map((it, at) => `${match(it)} goto ${side}_${at}`))), // prettier-ignore
    ...SIDES.map((side) => chain(`refuse_${side}`, refusals(view, frontends, side))),
    chain('ranges', frontends.flatMap(rangeRules)),
    chain('in_ranges', ['type filter hook prerouting priority -150;', 'ct state new jump ranges']),
    chain('own_ranges', ['type filter hook output priority -150;', 'ct state new jump ranges']),
    chain('in_nat', ['type nat hook prerouting priority -100;', ...byClient('inside', 'outside')]),
    chain('own_nat', ['type nat hook output priority -100;', 'goto inside']),
    chain('out_nat', ['type nat hook postrouting priority 100;', ...hidings(frontends)]),
    chain('refuse', byClient('refuse_inside', 'refuse_outside')),
    chain('forward', ['type filter hook forward priority 0;', 'ct state new jump refuse']),
    chain('input', ['type filter hook input priority 0;', 'iif != lo ct state new jump refuse']),
    chain('output', ['type filter hook output priority 0;', 'ct state new jump refuse_inside']),
  ];
  const table = `table inet ${REFERENCE_TABLE}`;
  return [table, `delete ${table}`, `${table} {`, ...ordered(tables), '}', ''].join('\n');
}

/** A chain must be known before those that go to it. */
function ordered(chains: readonly string[]): readonly string[] {
  const names = chains
    .filter((it) => it.startsWith('chain') && !it.includes(' hook '))
    .map((it) => `${it.split(' {')[0]} {\n}`);
  return [...names, ...chains];
}

function chain(name: string, rules: readonly string[]): string {
  return `chain ${name} {\n${rules.map((rule) => `  ${rule}\n`).join('')}}`;
}

function addressWord(family: Family): string {
  return family === 4 ? 'ip' : 'ip6';
}

function match({ ip, port, protocol }: Frontend): string {
  return `${addressWord(familyOf(ip))} daddr ${ip} ${protocol.toLowerCase()} dport ${port}`;
}

/** One chain that chooses, and one for each endpoint; a set of clients for each endpoint that clients stay with. */
function choiceChains(frontend: Frontend, at: number, side: Side): readonly string[] {
  const { endpoints } = frontend[side];
  const word = addressWord(familyOf(frontend.ip));
  const name = `${side}_${at}`;
  const hide = side === 'outside' && frontend.masqueradesOutside ? [`meta mark set ${HIDE}`] : [];
  const timeout = frontend.affinityTimeoutS;
  const stays =
    timeout === undefined
      ? []
      : endpoints.map((_, i) => `${word} saddr @${name}_clients_${i} goto ${name}_${i}`);
  const numbers = endpoints.map((_, i) => `${i} : goto ${name}_${i}`).join(', ');
  const choose = endpoints.length === 0 ? [] : [`numgen random mod ${endpoints.length} vmap { ${numbers} }`];
  const ends = endpoints.flatMap(({ ip, port }, i) => {
    const host = familyOf(ip) === 6 ? `[${ip}]` : ip;
    const translate = `meta l4proto ${frontend.protocol.toLowerCase()} dnat ${word} to ${host}:${port}`;
    if (timeout === undefined) return [chain(`${name}_${i}`, [translate])];
    const type = familyOf(ip) === 6 ? 'ipv6_addr' : 'ipv4_addr';
    return [
      `set ${name}_clients_${i} {\n  type ${type}\n  flags dynamic,timeout\n  timeout ${timeout}s\n}`,
      chain(`${name}_${i}`, [`update @${name}_clients_${i} { ${word} saddr }`, translate]),
    ];
  });
  return [...ends, chain(name, [...hide, ...stays, ...choose])];
}

function hidings(frontends: readonly Frontend[]): readonly string[] {
  const endpoints = frontends.flatMap(({ inside, outside }) => [...inside.endpoints, ...outside.endpoints]);
  const itself = [...new Set(endpoints.map(({ ip }) => ip))].map((ip) => {
    const word = addressWord(familyOf(ip));
    return `ct status dnat ${word} saddr ${ip} ${word} daddr ${ip} masquerade`;
  });
  return [`meta mark ${HIDE} masquerade`, ...itself];
}

function rangeRules(frontend: Frontend): readonly string[] {
  if (frontend.sourceRanges === undefined) return [];
  const family = familyOf(frontend.ip);
  const ranges = frontend.sourceRanges.filter((it: Cidr) => cidrFamily(it) === family);
  const others = ranges.length === 0 ? '' : ` ${addressWord(family)} saddr != { ${ranges.join(', ')} }`;
  return [`${match(frontend)}${others} drop`];
}

function refusals(view: ServiceView, frontends: readonly Frontend[], side: Side): readonly string[] {
  const own = [...view.frontends.values()].filter((it) => it.kind === 'node-local');
  return [
    ...frontends.flatMap((it) => emptyRules(it, it[side])),
    ...own.map(({ ip }) => `${addressWord(familyOf(ip))} daddr ${ip} accept`),
    ...view.cluster.serviceCidrs.flatMap((cidr) => refuse(`${addressWord(cidrFamily(cidr))} daddr ${cidr}`)),
  ];
}

function emptyRules(frontend: Frontend, { endpoints, whenEmpty }: EndpointChoice): readonly string[] {
  if (endpoints.length > 0) return [];
  return whenEmpty === 'drop' ? [`${match(frontend)} drop`] : refuse(match(frontend));
}

function refuse(matched: string): readonly string[] {
  return [
    `${matched} meta l4proto tcp reject with tcp reset`,
    `${matched} reject with icmpx type port-unreachable`,
  ];
}
