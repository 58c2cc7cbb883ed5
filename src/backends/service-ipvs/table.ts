// The nftables table beside IPVS: who may use a frontend, what an empty one does, who is hidden behind the node. Its rules are fixed;
// a frontend is elements of its sets and maps. Pure.

import { cidrFamily, type Cidr } from '../../base/cidr.ts';
import { familyOf, type Family, type Ip } from '../../base/ip.ts';

export const IPVS_TABLE = { family: 'inet', name: 'fairlead-service-ipvs' } as const;
/** A packet that leaves with the node's address. */
export const MASQUERADE_BIT = 0x0080_0000;
/** Marks 0x01000001 to 0x017fffff name the virtual service of a frontend's outside clients (with the bit above: of those that are hidden too). */
export const FIRST_SERVICE_MARK = 0x0100_0001;
export const SERVICE_MARK_COUNT = 0x007f_ffff;
const SERVICE_MARK_MASK = 0xff00_0000;
/** A change of the rules below changes it, so that an agent loads the table anew. */
const RULES_VERSION = 1;

/** Whether a mark names a virtual service of outside clients: who has such a number is ours. */
export function isServiceMark(mark: number): boolean {
  return (mark & SERVICE_MARK_MASK) === (FIRST_SERVICE_MARK & SERVICE_MARK_MASK);
}

/** Whether packets of a mark leave with the node's address. */
export function isHiddenMark(mark: number): boolean {
  return (mark & MASQUERADE_BIT) !== 0;
}

/** What of the node the rules hold. */
export interface TablePlace {
  readonly podCidrs: readonly Cidr[];
  /** The first of each family hides clients; without one the kernel chooses. */
  readonly nodeIps: readonly Ip[];
}

/** Comment of the table's `refuse` rule: what the table was made for. */
export function tableMark({ podCidrs, nodeIps }: TablePlace): string {
  return `v${RULES_VERSION} ${[...podCidrs].sort().join(' ')} ${firstIps(nodeIps).join(' ')}`.trimEnd();
}

/** The table without elements, in place of what is there. */
export function tableScript(place: TablePlace): string {
  const { family, name } = IPVS_TABLE;
  const table = `${family} ${name}`;
  const body = [
    ...FAMILIES.flatMap((it) => setLines(it, place)),
    ...verdictChains(tableMark(place)),
    ...hookChains(place),
  ];
  return `add table ${table}\ndelete table ${table}\ntable ${table} {\n${body.map((it) => ` ${it}\n`).join('')}}\n`;
}

const FAMILIES: readonly Family[] = [4, 6];

function setLines(family: Family, { podCidrs }: TablePlace): readonly string[] {
  const ip = `ipv${family}_addr`;
  const frontend = `${ip} . inet_proto . inet_service`;
  const pods = podCidrs.filter((it) => cidrFamily(it) === family);
  const elements = pods.length === 0 ? '' : `elements = { ${pods.join(', ')} }`;
  return [
    `set pods${family} { type ${ip}; flags interval; ${elements} }`,
    `set carried${family} { type ${ip}; }`,
    `set exclusive${family} { type ${ip}; }`,
    `set restricted${family} { type ${frontend}; }`,
    `set ranges${family} { type ${frontend} . ${ip}; flags interval; }`,
    `set hairpins${family} { type ${frontend} . ${ip} . ${ip}; }`,
    ...['inside', 'node', 'outside'].map((it) => `map ${it}${family} { type ${frontend} : verdict; }`),
    `map marks${family} { type ${frontend} : mark; }`,
  ];
}

function verdictChains(mark: string): readonly string[] {
  return [
    'chain keep { }',
    `chain hidden { meta mark set meta mark | ${hex(MASQUERADE_BIT)}; }`,
    ...FAMILIES.map((it) => `chain separate${it} { meta mark set ${frontendOf(it)} map @marks${it}; }`),
    `chain refuse { meta l4proto tcp reject with tcp reset comment "${mark}"; reject with icmpx type port-unreachable; }`,
  ];
}

/** Priorities: IPVS takes packets at 98 in input, at -99 in output; translated ones pass output again with their new address. */
function hookChains(place: TablePlace): readonly string[] {
  const known = ['ct direction reply accept', 'meta l4proto { tcp, sctp } ct state established accept'];
  return [
    'chain judge-arriving { type filter hook input priority -10; policy accept;',
    ...known,
    ...FAMILIES.flatMap((it) => arrivingRules(it)),
    '}',
    'chain judge-own { type filter hook output priority -150; policy accept;',
    ...known,
    ...FAMILIES.flatMap((it) => [`${frontendOf(it)} vmap @node${it}`, `${frontendOf(it)} vmap @inside${it}`]),
    '}',
    'chain unused-arriving { type filter hook input priority 110; policy accept;',
    ...unusedRules(),
    '}',
    'chain unused-own { type filter hook output priority 0; policy accept;',
    ...unusedRules(),
    '}',
    'chain hide { type nat hook postrouting priority 99; policy accept;',
    ...FAMILIES.flatMap((it) => hideRules(it, place)),
    '}',
    'chain unmark { type filter hook postrouting priority 120; policy accept;',
    `meta mark & ${hex(SERVICE_MARK_MASK)} == 0x01000000 meta mark set 0`,
    `meta mark & ${hex(MASQUERADE_BIT)} != 0 meta mark set meta mark & ${hex(~MASQUERADE_BIT >>> 0)}`,
    '}',
  ];
}

function arrivingRules(family: Family): readonly string[] {
  const [ip, at] = [ipWord(family), frontendOf(family)];
  return [
    `${at} @restricted${family} ${at} . ${ip} saddr != @ranges${family} drop`,
    `${ip} saddr @pods${family} ${at} vmap @inside${family}`,
    `${ip} saddr @pods${family} accept`,
    `${at} vmap @outside${family}`,
  ];
}

/** What IPVS has not taken and is still for such an address is for nobody, a listener on all the node's addresses included. */
function unusedRules(): readonly string[] {
  return [
    'ct direction reply accept',
    ...FAMILIES.map(
      (it) => `${ipWord(it)} daddr @exclusive${it} meta l4proto { tcp, udp, sctp } goto refuse`,
    ),
  ];
}

/** Outside clients, pods that are their own endpoint, and the node's processes, which the kernel gave the virtual address as their own. */
function hideRules(family: Family, { nodeIps }: TablePlace): readonly string[] {
  const ip = ipWord(family);
  const own = firstIps(nodeIps).find((it) => familyOf(it) === family);
  const hide = own === undefined ? 'masquerade' : `snat ${ip} to ${own}`;
  return [
    `meta nfproto ipv${family} meta mark & ${hex(MASQUERADE_BIT)} != 0 ${hide}`,
    // nft knows the size of a tracked port only behind a protocol.
    ...['tcp', 'udp', 'sctp'].map(
      (it) =>
        `meta l4proto ${it} ct original ${ip} daddr . meta l4proto . ct original proto-dst . ${ip} saddr . ${ip} daddr @hairpins${family} ${hide}`,
    ),
    `oifname != "lo" ${ip} saddr @carried${family} ${hide}`,
  ];
}

function firstIps(nodeIps: readonly Ip[]): readonly Ip[] {
  return FAMILIES.flatMap((family) => nodeIps.find((ip) => familyOf(ip) === family) ?? []);
}

function frontendOf(family: Family): string {
  return `${ipWord(family)} daddr . meta l4proto . th dport`;
}

function ipWord(family: Family): string {
  return family === 4 ? 'ip' : 'ip6';
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}
