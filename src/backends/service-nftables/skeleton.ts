// The table as text for nft(8): sets, hooks and a chain per kind of flow. README.md has the packet walk. Pure.
// Written as nft 1.0.6 takes it and prints it.

import { cidrFamily, type Cidr } from '../../base/cidr.ts';
import { familyOf, type Family, type Ip } from '../../base/ip.ts';
import {
  chainOfKind,
  CLIENT_HASH_COUNT,
  CLIENT_HASH_MARK,
  DROP_MARK,
  markOfKind,
  markText,
  numberMark,
  OUR_FLOW_BIT,
  OUR_MARK,
  OUR_MARK_MASK,
  REFUSE_MARK,
  type FlowKind,
} from './flow-kind.ts';
import {
  PREFIX_SETS,
  REFUSED_SET,
  ruleComment,
  SERVICE_TABLE,
  type SkeletonEntry,
} from './skeleton-entry.ts';

/** Kinds that the table has from the start; others are added when a frontend first asks for one. */
const FIRST_COUNTS = 16;
/** Clients that are remembered per time-out; more of them are spread without memory. */
const MAX_AFFINITIES = 1_048_576;
/** New flows with a mark of somebody else's that are under way at once. */
const MAX_SAVED_MARKS = 65_535;
/** Pods of the node that use a Service at once. */
const MAX_SELVES = 65_535;

/** The one chain of a table that has been left. */
export const DRAIN_CHAIN = 'drain';

const FAMILIES: readonly Family[] = [4, 6];
const PROTOCOLS = ['tcp', 'udp', 'sctp'] as const;

function ip(family: Family): 'ip' | 'ip6' {
  return family === 4 ? 'ip' : 'ip6';
}

/** Address, protocol and port that a packet is sent to: the begin of all keys. */
function target(family: Family): string {
  return `${ip(family)} daddr . meta l4proto . th dport`;
}

/** A hook, or a chain that one jumps to, with its rules in order. */
export interface SkeletonChain {
  readonly name: string;
  readonly hook: string | undefined;
  readonly rules: readonly SkeletonRule[];
}

interface SkeletonRule {
  readonly text: string;
  /** Where the rule hides clients behind an address of the node. */
  readonly behind?: Ip;
}

/** The chains that are there whatever the frontends are, in an order in which each only names earlier ones. */
export function baseChains(behind: readonly Ip[]): readonly SkeletonChain[] {
  return [...DESTINATION_CHAINS, ...sourceChains(behind)];
}

/** Chains that choose where a flow goes. */
const DESTINATION_CHAINS: readonly SkeletonChain[] = [
  chain('refuse', ['meta l4proto tcp reject with tcp reset', 'meta l4proto { udp, sctp } reject', 'drop']),
  chain('put-back', [
    `meta mark & ${markText(OUR_MARK_MASK)} != ${markText(OUR_MARK)} return`,
    'meta mark set ct id map @marks return',
    'meta mark set 0x00000000',
  ]),
  chain('act', [
    `meta mark vmap { ${markText(REFUSE_MARK)} : goto refuse, ${markText(DROP_MARK)} : drop }`,
    `ct mark set ct mark | ${markText(OUR_FLOW_BIT)}`,
  ]),
  chain('check-source', [
    'meta mark != 0x00000000 add @marks { ct id : meta mark }',
    ...FAMILIES.map((it) => {
      const key = target(it);
      return `${key} @limited${it} ${key} . ${ip(it)} saddr != @allowed${it} drop`;
    }),
  ]),
  chain('inside', [
    ...FAMILIES.map((it) => `meta mark set ${target(it)} map @services${it} goto act`),
    ...FAMILIES.map((it) => `${ip(it)} daddr @local${it} return`),
    ...FAMILIES.map((it) => `${ip(it)} daddr @cluster${it} goto refuse`),
  ]),
  chain('outside', [
    ...FAMILIES.map((it) => `meta mark set ${target(it)} map @outside${it} goto act`),
    'goto inside',
  ]),
  hook('arrive', 'filter hook prerouting priority dstnat - 1', [
    'ct state != new accept',
    // What the node sends to itself was judged in the output hook.
    'iifname "lo" accept',
    'jump check-source',
    ...FAMILIES.map((it) => `${ip(it)} saddr @pods${it} goto inside`),
    'goto outside',
  ]),
  hook('translate', 'nat hook prerouting priority dstnat', ['meta mark vmap @kinds']),
  hook('arrive-end', 'filter hook prerouting priority dstnat + 1', ['ct state new jump put-back']),
  hook('send', 'filter hook output priority -101', [
    'ct state != new accept',
    'jump check-source',
    'goto inside',
  ]),
  hook('translate-sent', 'nat hook output priority -100', ['meta mark vmap @kinds']),
  hook('send-end', 'filter hook output priority -99', ['ct state new jump put-back']),
];

/** Chains that hide clients. */
function sourceChains(behind: readonly Ip[]): readonly SkeletonChain[] {
  const hide = (family: Family, when: string): SkeletonRule => hidingRule(family, when, behind);
  return [
    ...PROTOCOLS.map((protocol) =>
      chain(
        `hide-${protocol}`,
        FAMILIES.map((it) =>
          hide(
            it,
            `meta l4proto ${protocol} ct original ${ip(it)} daddr . meta l4proto . ct original proto-dst @masquerade${it}`,
          ),
        ),
      ),
    ),
    chain('leave', [
      // A pod that is its own endpoint: the pair is known to the set from this very packet on.
      ...FAMILIES.flatMap((it) => [
        `${ip(it)} saddr @pods${it} ${ip(it)} daddr @pods${it} update @selves${it} { ${ip(it)} saddr . ${ip(it)} saddr }`,
        hide(it, `${ip(it)} saddr . ${ip(it)} daddr @selves${it}`),
        `${ip(it)} saddr @pods${it} return`,
      ]),
      'fib saddr type local return',
      `meta l4proto vmap { tcp : goto hide-tcp, udp : goto hide-udp, sctp : goto hide-sctp }`,
    ]),
    // Before other tables' masquerading, which then finds the flow decided.
    hook('depart', 'nat hook postrouting priority srcnat - 1', ['ct status dnat jump leave']),
  ];
}

/**
 * The node's own address by name where it has one: left to itself, the kernel takes the first address of any link for a link without one, as
 * pods' are, and that is the cluster DNS address on lo.
 */
function hidingRule(family: Family, when: string, behind: readonly Ip[]): SkeletonRule {
  const own = behind.find((it) => familyOf(it) === family);
  if (own === undefined) return { text: `${when} masquerade` };
  return { text: `${when} snat ${ip(family)} to ${own}`, behind: own };
}

function chain(name: string, rules: readonly (string | SkeletonRule)[]): SkeletonChain {
  return { name, hook: undefined, rules: rules.map((it) => (typeof it === 'string' ? { text: it } : it)) };
}

function hook(name: string, at: string, rules: readonly string[]): SkeletonChain {
  return { ...chain(name, rules), hook: at };
}

/** The chain of a kind of flow: takes one of the numbered endpoints, or for affinity the one that the client had while it is a member. */
export function chainOf(kind: FlowKind): SkeletonChain {
  const rules =
    kind.affinityTimeoutS === 0
      ? [numberRule(kind), ...FAMILIES.map(translateRule)]
      : FAMILIES.flatMap((it) => stickyRules(kind, it));
  return chain(chainOfKind(kind), rules);
}

/** Makes the mark the number of an endpoint. */
function numberRule({ side, endpointCount }: FlowKind): string {
  return `meta mark set numgen random mod ${endpointCount} offset ${numberMark(side, 0)}`;
}

/** To the endpoint that the mark stands for; goes on where there is none. */
function translateRule(family: Family): string {
  return `dnat ${ip(family)} to ${target(family)} . meta mark map @endpoints${family}`;
}

function stickyRules(kind: FlowKind, family: Family): readonly string[] {
  const client = clientKey(family);
  const set = affinitySet(family, kind.affinityTimeoutS);
  const remember = `update @${set} { ${client} : meta mark }`;
  const recall = family === 4 ? client : 'meta mark';
  return [
    ...(family === 4 ? [] : [`meta mark set ${client}`]),
    `meta mark set ${recall} map @${set} ${remember}`,
    translateRule(family),
    // Still here: nothing is remembered, or an endpoint that is none any more. An update alone would keep the old value.
    `delete @${set} { ${client} : meta mark }`,
    `meta nfproto ipv${family} ${numberRule(kind)}`,
    `meta mark set ${target(family)} . meta mark map @identities${family}`,
    remember,
    translateRule(family),
  ];
}

/** nft 1.0.6 ends itself on keys above 16 bytes in updates of maps: an IPv6 client and its Service are known by a hash. */
function clientKey(family: Family): string {
  const key = `${ip(family)} saddr . ${target(family)}`;
  return family === 4 ? key : `jhash ${key} mod ${CLIENT_HASH_COUNT} seed 0x4c offset ${CLIENT_HASH_MARK}`;
}

function affinitySet(family: Family, timeoutS: number): string {
  return `affinity${family}-${timeoutS}`;
}

/** Kinds that are there from the start. */
export function firstKinds(): readonly FlowKind[] {
  const counts = Array.from({ length: FIRST_COUNTS }, (_, at) => at + 1);
  return (['inside', 'outside'] as const).flatMap((side) =>
    counts.map((endpointCount) => ({ side, endpointCount, affinityTimeoutS: 0 })),
  );
}

/** Whether the table has the kind from the start. */
export function isFirstKind({ endpointCount, affinityTimeoutS }: FlowKind): boolean {
  return affinityTimeoutS === 0 && endpointCount <= FIRST_COUNTS;
}

/** Chains for kinds, and their places in the map by which they are found. What is there already is made anew; all or nothing. */
export function kindsScript(kinds: readonly FlowKind[]): string {
  const timeouts = new Set(kinds.map((it) => it.affinityTimeoutS).filter((it) => it > 0));
  const elements = kinds.map((it) => `${markText(markOfKind(it))} : goto ${chainOfKind(it)}`);
  return lines([
    ...[...timeouts].flatMap((timeoutS) => FAMILIES.map((family) => affinityMap(family, timeoutS))),
    ...kinds.flatMap((it) => chainLines(chainOf(it))),
    ...(elements.length === 0 ? [] : [`add element ${inTable('kinds')} { ${elements.join(', ')} }`]),
  ]);
}

function affinityMap(family: Family, timeoutS: number): string {
  const key = family === 4 ? 'ipv4_addr . ipv4_addr . inet_proto . inet_service' : 'mark';
  return `add map ${inTable(affinitySet(family, timeoutS))} { type ${key} : mark; flags dynamic,timeout; timeout ${timeoutS}s; size ${MAX_AFFINITIES}; }`;
}

/** The whole table but the frontends' elements, which stay as they are where it stands. `others` are kinds beside the first ones. */
export function skeletonScript(entry: SkeletonEntry, others: readonly FlowKind[]): string {
  const kinds = new Map([...firstKinds(), ...others].map((it) => [chainOfKind(it), it]));
  return lines([
    `add table inet ${SERVICE_TABLE}`,
    ...SETS,
    `flush map ${inTable('kinds')}`,
    ...baseChains(entry.behind).flatMap(chainLines),
    kindsScript([...kinds.values()]).trimEnd(),
    ...PREFIX_SETS.flatMap((set) => prefixLines(set, entry[set])),
  ]);
}

const SETS: readonly string[] = [
  ...FAMILIES.flatMap((family) => {
    const address = `ipv${family}_addr`;
    const service = `${address} . inet_proto . inet_service`;
    return [
      ...[...PREFIX_SETS, REFUSED_SET].map(
        (it) => `add set ${inTable(`${it}${family}`)} { type ${address}; flags interval; }`,
      ),
      `add map ${inTable(`services${family}`)} { type ${service} : mark; }`,
      `add map ${inTable(`outside${family}`)} { type ${service} : mark; }`,
      `add map ${inTable(`endpoints${family}`)} { type ${service} . mark : ${address} . inet_service; }`,
      `add map ${inTable(`identities${family}`)} { type ${service} . mark : mark; }`,
      `add set ${inTable(`masquerade${family}`)} { type ${service}; }`,
      `add set ${inTable(`limited${family}`)} { type ${service}; }`,
      `add set ${inTable(`allowed${family}`)} { type ${service} . ${address}; flags interval; }`,
      `add set ${inTable(`selves${family}`)} { type ${address} . ${address}; flags dynamic,timeout; timeout 60s; size ${MAX_SELVES}; }`,
    ];
  }),
  `add map ${inTable('marks')} { typeof ct id : meta mark; flags dynamic,timeout; timeout 10s; size ${MAX_SAVED_MARKS}; }`,
  `add map ${inTable('kinds')} { type mark : verdict; }`,
];

function chainLines({ name, hook: at, rules }: SkeletonChain): readonly string[] {
  const head = at === undefined ? '' : ` { type ${at}; policy accept; }`;
  return [
    `add chain ${inTable(name)}${head}`,
    `flush chain ${inTable(name)}`,
    ...rules.map(({ text, behind }) => `add rule ${inTable(name)} ${text} comment "${ruleComment(behind)}"`),
  ];
}

/** Makes the prefixes whose unused ports are refused exactly these. */
export function refusedScript(cidrs: readonly Cidr[]): string {
  return lines(prefixLines(REFUSED_SET, cidrs));
}

function prefixLines(set: string, cidrs: readonly Cidr[]): readonly string[] {
  return FAMILIES.flatMap((family) => {
    const own = cidrs.filter((it) => cidrFamily(it) === family);
    const name = inTable(`${set}${family}`);
    return [`flush set ${name}`, ...(own.length === 0 ? [] : [`add element ${name} { ${own.join(', ')} }`])];
  });
}

/** In the place of the table: what keeps translated flows alive, and does nothing for new ones. Without a rule that asks for it the kernel tracks no flows. */
export function drainingScript(): string {
  return lines([
    ...deletion(),
    `add table inet ${SERVICE_TABLE}`,
    ...chainLines(hook(DRAIN_CHAIN, 'nat hook postrouting priority srcnat - 1', ['ct status dnat return'])),
  ]);
}

export function deletionScript(): string {
  return lines(deletion());
}

/** Adding what exists changes nothing, so that the deletion always finds a table. */
function deletion(): readonly string[] {
  return [`add table inet ${SERVICE_TABLE}`, `delete table inet ${SERVICE_TABLE}`];
}

function inTable(name: string): string {
  return `inet ${SERVICE_TABLE} ${name}`;
}

function lines(all: readonly string[]): string {
  return all
    .filter((it) => it !== '')
    .map((it) => `${it}\n`)
    .join('');
}
