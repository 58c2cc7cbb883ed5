// The table as text for nft: its sets and rules, which are the same whatever policies say. README.md has the way of a packet. Pure.

import { PEERS, RULE_SETS } from '../../base/policy-numbers.ts';
import { DENIED_FLOW_BIT } from '../shared-policy/denied-flow.ts';
import { DENIAL_LOG_GROUP, DENIAL_LOG_RATE, DENIAL_PREFIXES } from '../shared-policy/denial-log.ts';
import { elementText } from './element-text.ts';
import {
  DENIED_COUNTERS,
  HIDING_BITS,
  markText,
  POLICY_MARK,
  POLICY_TABLE,
  SET_PLANS,
  WHO,
  type FieldKind,
  type PolicyElements,
  type SetPlan,
} from './table-plan.ts';

interface Chain {
  readonly name: string;
  readonly hook?: string;
  readonly rules: readonly string[];
}

const PORTS = 'meta l4proto { tcp, udp, sctp }';
const NO_PORTS = 'meta l4proto != { tcp, udp, sctp }';
const IDENTITY_BITS = 0x0000_ffff;
/** Set in every identity, and in no other peer of a mark. */
const IDENTITY_SIGN = 0x0000_ff00;
const DENIED = markText(DENIED_FLOW_BIT);
const STANDS = markText(~DENIED_FLOW_BIT);
/** Marks of IPVS for outside clients: all of the lower bits are its own. */
const [IPVS_MASK, IPVS_MARK] = [0xff00_0000, 0x0100_0000];

const isMarked = (bits: number): string => `meta mark & ${markText(bits)} != 0x00000000`;
const mark = (value: number): string => `meta mark ${markText(value)}`;
const setMark = (value: number): string => `meta mark set ${markText(value)}`;
/**
 * What the node says to a link by itself, of which the kernel gives the link as the incoming one, too. Tracking leaves it out. Nothing that is forwarded looks
 * so: a router takes one from the hop limit, and hands no multicast of a link on.
 */
const OF_THE_LINK = [
  'ip6 hoplimit 255 icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, nd-redirect }',
  'ip6 daddr ff02::/16',
];

/** A rule per family: `IP` is the word for its header, `F` its number. */
const both = (rule: string): readonly string[] => [
  rule.replaceAll('IP', 'ip').replaceAll('F', '4'),
  rule.replaceAll('IP', 'ip6').replaceAll('F', '6'),
];

/** Links of pods: those that are known, and those of our own that come before they are. */
const ofPods = (link: 'iif' | 'oif', chain: string): readonly string[] => [
  `${link} @links goto ${chain}`,
  `${link}name "fl*" goto ${chain}`,
];

/** What decides in one direction; `own` is the pod's address in the packet, `other` the other end's. From the last question to the first. */
function decisionChains(direction: 'in' | 'out'): readonly Chain[] {
  const [own, other] = direction === 'in' ? ['daddr', 'saddr'] : ['saddr', 'daddr'];
  const denied = direction === 'in' ? 'ingress' : 'egress';
  const { perSecond, burst } = DENIAL_LOG_RATE;
  const lookUp = `meta mark set IP ${own} . meta mark map @${direction}F goto block-${direction}`;
  return [
    {
      name: `deny-${direction}`,
      // Apart: what the kernel's tracking has no flow for ends the rule that asks for one.
      rules: [
        `limit rate ${perSecond}/second burst ${burst} packets log prefix "${DENIAL_PREFIXES[denied]}" group ${DENIAL_LOG_GROUP}`,
        `ct mark set ct mark | ${DENIED}`,
        `counter name ${DENIED_COUNTERS[denied]} drop`,
      ],
    },
    {
      name: `ports-${direction}`,
      rules: [
        `${mark(RULE_SETS.all)} return`,
        `${PORTS} meta mark . meta l4proto . th dport @ports return`,
        `${NO_PORTS} meta mark @others return`,
        `goto deny-${direction}`,
      ],
    },
    {
      name: `block-${direction}`,
      rules: [
        `meta mark & ${markText(WHO)} == 0x00000000 goto ports-${direction}`,
        ...both(`meta mark set meta mark . IP ${other} map @rangesF goto ports-${direction}`),
        `meta mark set meta mark map @defaults goto ports-${direction}`,
        `goto deny-${direction}`,
      ],
    },
    { name: `rest-${direction}`, rules: [...both(lookUp), `goto deny-${direction}`] },
    {
      name: `peer-${direction}`,
      rules: [
        ...both(lookUp),
        // An address by which the node is known elsewhere.
        ...(direction === 'out' ? [`${mark(PEERS.host)} return`] : []),
        `${mark(PEERS.outside)} goto deny-${direction}`,
        `${isMarked(PEERS.firstNode)} ${setMark(PEERS.outside)} goto rest-${direction}`,
        `${setMark(PEERS.anyPod)} goto rest-${direction}`,
      ],
    },
  ];
}

/** Who is at the other end by its address, as a mark. */
function addressRules(other: string, found: string, direction: string): readonly string[] {
  return [
    ...both(`meta mark set IP ${other} map @hostsF goto ${found}`),
    setMark(WHO),
    ...both(`meta mark set meta mark . IP ${other} map @rangesF goto peer-${direction}`),
    `${setMark(PEERS.outside)} goto peer-${direction}`,
  ];
}

const { ipvs, iptables } = HIDING_BITS;
/** A pod's packets are judged with a mark of this table's own: who is to be hidden behind it is known afterwards still. */
const HIDING = [
  ['plain', 0],
  ['ipvs', ipvs],
  ['iptables', iptables],
  ['both', ipvs | iptables],
] as const;

const CHAINS: readonly Chain[] = [
  ...decisionChains('in'),
  ...decisionChains('out'),
  {
    name: 'marked-in',
    rules: [`meta mark set meta mark & ${markText(IDENTITY_BITS)} goto peer-in`],
  },
  {
    // The node's own address on what it forwards hides somebody else.
    name: 'addressed-in',
    rules: [`${mark(PEERS.host)} ${setMark(PEERS.outside)}`, 'goto peer-in'],
  },
  { name: 'address-in', rules: addressRules('saddr', 'addressed-in', 'in') },
  {
    name: 'sender',
    rules: [
      `meta mark & ${markText(IPVS_MASK)} == ${markText(IPVS_MARK)} goto address-in`,
      `${isMarked(IDENTITY_SIGN)} goto marked-in`,
      `meta mark & ${markText(IDENTITY_BITS)} == ${markText(PEERS.unknownPod)} goto marked-in`,
      'goto address-in',
    ],
  },
  ...HIDING.map(([name, bits]) => ({ name: `sender-${name}`, rules: ['jump sender', setMark(bits)] })),
  {
    name: 'to-pod',
    rules: [
      ...both('IP daddr @open-inF return'),
      'meta iif 0 fib saddr type local return',
      `meta mark & ${markText(ipvs | iptables)} vmap { ${HIDING.map(([name, bits]) => `${markText(bits)} : goto sender-${name}`).join(', ')} }`,
    ],
  },
  { name: 'receiver', rules: addressRules('daddr', 'peer-out', 'out') },
  {
    name: 'from-pod',
    rules: [
      ...both('IP saddr @open-outF return'),
      'jump receiver',
      ...both('meta mark set IP saddr map @identitiesF return'),
      setMark(PEERS.unknownPod),
    ],
  },
  {
    name: 'known',
    rules: [
      `ct direction reply ct mark & ${DENIED} == 0x00000000 accept`,
      'ct direction reply drop',
      'meta l4proto { icmp, ipv6-icmp } ct state related accept',
    ],
  },
  {
    name: 'passed',
    rules: [`ct mark & ${DENIED} != 0x00000000 ct mark set ct mark & ${STANDS}`],
  },
  { name: 'receive', rules: ofPods('oif', 'to-pod') },
  { name: 'send', rules: ofPods('iif', 'from-pod') },
  { name: 'ask-dns', rules: ['jump known', 'jump from-pod', 'jump passed'] },
  { name: 'ask', rules: both('IP daddr @dnsF goto ask-dns') },
  {
    name: 'judge',
    hook: 'type filter hook postrouting priority srcnat - 10; policy accept;',
    rules: [
      'jump known',
      ...OF_THE_LINK.map((it) => `${it} accept`),
      ...both('IP saddr . IP daddr @selvesF accept'),
      'jump receive',
      'jump send',
      'jump passed',
    ],
  },
  {
    // All that the node itself serves is open to its pods, but for what stands in the place of pods.
    name: 'judge-own',
    hook: 'type filter hook input priority filter; policy accept;',
    rules: ofPods('iif', 'ask'),
  },
];

/** In an order in which each chain names earlier ones alone. */
const ALL_CHAINS: readonly Chain[] = [
  ...CHAINS.filter(({ hook }) => hook === undefined),
  ...CHAINS.filter(({ hook }) => hook !== undefined),
];

export const RULE_COUNT = ALL_CHAINS.reduce((sum, { rules }) => sum + rules.length, 0);

const TABLE = `inet ${POLICY_TABLE}`;

/** The whole table in one transaction, whatever stands there: neither opens nor closes on the way. */
export function tableScript(elements: PolicyElements): string {
  return [
    `add table ${TABLE}`,
    `delete table ${TABLE}`,
    `add table ${TABLE}`,
    ...Object.values(DENIED_COUNTERS).map((it) => `add counter ${TABLE} ${it}`),
    ...[...SET_PLANS].map(([name, plan]) => setText(name, plan)),
    ...ALL_CHAINS.map(
      ({ name, hook }) => `add chain ${TABLE} ${name}${hook === undefined ? '' : ` { ${hook} }`}`,
    ),
    ...ALL_CHAINS.flatMap(({ name, rules }) =>
      rules.map((rule) => `add rule ${TABLE} ${name} ${rule} comment "${POLICY_MARK}"`),
    ),
    ...elementLines(elements),
    '',
  ].join('\n');
}

export function deletionScript(): string {
  return `add table ${TABLE}\ndelete table ${TABLE}\n`;
}

const TYPES: Readonly<Record<FieldKind, string>> = {
  ip4: 'ipv4_addr',
  ip6: 'ipv6_addr',
  mark: 'mark',
  protocol: 'inet_proto',
  port: 'inet_service',
  link: 'iface_index',
};

function setText(name: string, { fields, isMap, isInterval }: SetPlan): string {
  const type = fields.map((it) => TYPES[it]).join(' . ');
  const flags = isInterval ? ' flags interval;' : '';
  return `add ${isMap ? 'map' : 'set'} ${TABLE} ${name} { type ${type}${isMap ? ' : mark' : ''};${flags} }`;
}

/** A line of nft is parsed as a whole: no longer than it takes well. */
const ELEMENTS_PER_LINE = 1000;

function elementLines(elements: PolicyElements): readonly string[] {
  const bySet = Map.groupBy(elements, ([key]) => key.slice(0, key.indexOf(' ')));
  return [...bySet].flatMap(([set, all]) => {
    const texts = all.map(([key, value]) => elementText(key.slice(set.length + 1), value));
    const lines: string[] = [];
    for (let at = 0; at < texts.length; at += ELEMENTS_PER_LINE)
      lines.push(`add element ${TABLE} ${set} { ${texts.slice(at, at + ELEMENTS_PER_LINE).join(', ')} }`);
    return lines;
  });
}
