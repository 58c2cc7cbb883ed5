// Probes of the network stack: kinds of links, queueing disciplines, netfilter, IPVS, socket destruction.

import { encodeAddKind } from '../wire/netlink/link.ts';
import * as c from '../wire/netlink/constants.ts';
import { MessageWriter } from '../wire/netlink/writer.ts';
import { FairleadError } from '../base/errors.ts';
import { kernelError } from './errno.ts';
import { checkSocketsEnd } from './sock-diag.ts';
import { systemIptablesFlavour, tryOneFlavour } from './iptables-flavour.ts';
import { restoreIpset } from './ipset.ts';
import { restoreIptables } from './iptables.ts';
import { NETLINK_GENERIC, NETLINK_ROUTE, NetlinkSocket } from './netlink-socket.ts';
import { inNetns, type Netns } from './netns.ts';
import { applyNft } from './nft.ts';
import type { Probe } from './probe.ts';
import { checkSctp } from './socket.ts';

const RTM_NEWQDISC = 36;
const TCA_KIND = 1;
const TCA_OPTIONS = 2;
const TC_H_ROOT = 0xffff_ffff;
const LOOPBACK_INDEX = 1;
const NETEM_OPTION_BYTES = 24;
const GENL_ID_CTRL = 16;
const CTRL_CMD_GETFAMILY = 3;
const CTRL_ATTR_FAMILY_NAME = 2;

export const NETWORK_PROBES: readonly Probe[] = [
  {
    name: 'veth',
    neededFor: 'every pod’s interface',
    need: 'required',
    try: (scratch) => tryLink('veth', scratch),
  },
  {
    name: 'bridge',
    neededFor: 'the fabric between the nodes of a one-machine cluster',
    need: 'required',
    try: (scratch) => tryLink('bridge', scratch),
  },
  { name: 'vxlan', neededFor: 'the pod network between nodes', need: 'required', try: tryVxlan },
  {
    name: 'dummy',
    neededFor: 'addresses of Services by IPVS',
    need: 'optional',
    try: (scratch) => tryLink('dummy', scratch),
  },
  {
    name: 'wireguard',
    neededFor: 'encryption between nodes in the kernel',
    need: 'optional',
    since: '5.6',
    try: (scratch) => tryLink('wireguard', scratch),
  },
  { name: 'netem', neededFor: 'latency and loss as faults', need: 'optional', try: tryNetem },
  {
    name: 'nftables',
    neededFor: 'masquerade',
    need: 'required',
    try: (scratch) => tryNft('ip saddr 192.0.2.1 counter', scratch),
  },
  {
    name: 'nft-nat',
    neededFor: 'masquerade',
    need: 'required',
    try: (scratch) => tryNft('masquerade', scratch),
  },
  {
    name: 'nft-log',
    neededFor: 'policies by nftables, which tell what they deny (NFLOG)',
    need: 'optional',
    try: (scratch) => tryNft('log group 1', scratch),
  },
  {
    name: 'nft-services',
    neededFor: 'Services by nftables',
    need: 'optional',
    try: tryNftServices,
  },
  {
    name: 'conntrack',
    neededFor: 'masquerade',
    need: 'required',
    try: (scratch) => tryNft('ct state new counter', scratch),
  },
  {
    name: 'iptables',
    neededFor: 'Services by iptables',
    need: 'optional',
    try: tryIptables,
  },
  {
    name: 'ipset',
    neededFor: 'policies by iptables',
    need: 'optional',
    try: tryIpset,
  },
  {
    name: 'iptables-one-flavour',
    neededFor: 'rules of iptables that are all seen by whoever lists them',
    need: 'optional',
    // Rules are the machine's: in a namespace of its own there would be none.
    try: () => tryOneFlavour(),
  },
  {
    name: 'ipvs',
    neededFor: 'Services by IPVS',
    need: 'optional',
    try: (scratch) => tryGeneric('IPVS', scratch),
  },
  {
    name: 'sctp',
    neededFor: 'SCTP sockets of nodes (Services translate it without)',
    need: 'optional',
    try: (scratch) => checkSctp(scratch),
  },
  {
    name: 'inet-diag-destroy',
    neededFor:
      'connected UDP sockets of nodes and host-network pods to leave an endpoint that is gone (without it they keep it until they connect again)',
    need: 'optional',
    since: '4.5',
    try: (scratch) => checkSocketsEnd(scratch),
  },
];

function tryLink(kind: string, scratch: Netns): void {
  request(
    { action: `add a link of kind ${kind}`, scratch, protocol: NETLINK_ROUTE },
    encodeAddKind(kind, { name: `p-${kind}` }),
  );
}

/** The kind alone would be refused: it wants an identifier. */
function tryVxlan(scratch: Netns): void {
  const writer = new MessageWriter({
    type: c.RTM_NEWLINK,
    flags: c.NLM_F_REQUEST | c.NLM_F_ACK | c.NLM_F_CREATE,
  });
  writer.u32(0).u32(0).u32(0).u32(0).attributeText(c.IFLA_IFNAME, 'p-vxlan');
  writer.nest(c.IFLA_LINKINFO, (info) =>
    info
      .attributeText(c.IFLA_INFO_KIND, 'vxlan')
      .nest(c.IFLA_INFO_DATA, (data) => data.attributeU32(c.IFLA_VXLAN_ID, 76)),
  );
  request({ action: 'add a link of kind vxlan', scratch, protocol: NETLINK_ROUTE }, writer.finish());
}

/** struct tcmsg, then the discipline with no delay and a limit of one packet (struct tc_netem_qopt). */
function tryNetem(scratch: Netns): void {
  const options = Buffer.alloc(NETEM_OPTION_BYTES);
  options.writeUInt32LE(1, 4);
  const writer = new MessageWriter({
    type: RTM_NEWQDISC,
    flags: c.NLM_F_REQUEST | c.NLM_F_ACK | c.NLM_F_CREATE,
  });
  writer.u32(0).u32(LOOPBACK_INDEX).u32(0).u32(TC_H_ROOT).u32(0);
  writer.attributeText(TCA_KIND, 'netem').attribute(TCA_OPTIONS, options);
  request({ action: 'add queueing discipline netem', scratch, protocol: NETLINK_ROUTE }, writer.finish());
}

async function tryNft(rule: string, scratch: Netns): Promise<void> {
  const hook =
    rule === 'masquerade' ? 'type nat hook postrouting priority 100' : 'type filter hook input priority 0';
  const table = 'inet fairlead-probe';
  const script = `table ${table} {\n chain c {\n ${hook};\n ${rule}\n }\n}\ndelete table ${table}\n`;
  await applyNft(script, { netns: scratch });
}

/** The rules of Services that others do without: refusals before routing, random numbers, hashes, remembered values, concatenated ranges. */
async function tryNftServices(scratch: Netns): Promise<void> {
  const table = 'inet fairlead-probe';
  const script = [
    `add table ${table}`,
    `add map ${table} m { type mark : mark; flags dynamic,timeout; timeout 1s; size 16; }`,
    `add set ${table} r { type ipv4_addr . ipv4_addr; flags interval; }`,
    `add chain ${table} c { type filter hook prerouting priority 0; }`,
    `add rule ${table} c meta mark set numgen random mod 2`,
    `add rule ${table} c meta mark set jhash ip saddr mod 2`,
    `add rule ${table} c update @m { meta mark : meta mark }`,
    `add rule ${table} c delete @m { meta mark : meta mark }`,
    `add rule ${table} c ip saddr . ip daddr @r drop`,
    `add rule ${table} c fib daddr type local accept`,
    `add rule ${table} c meta l4proto tcp reject with tcp reset`,
    `delete table ${table}`,
  ];
  await applyNft(`${script.join('\n')}\n`, { netns: scratch });
}

/** Every match and target that Services use, in the flavour of the system's program. */
async function tryIptables(scratch: Netns): Promise<void> {
  const flavour = systemIptablesFlavour();
  if (flavour === undefined)
    throw new FairleadError('unsupported', 'The program "iptables" is not installed');
  const chain = 'FAIRLEAD-PROBE';
  const rules = [
    '-m addrtype --src-type LOCAL -m comment --comment probe -j RETURN',
    '-m conntrack --ctstate NEW -m mark --mark 0x1/0x1 -j MARK --set-xmark 0x0/0x1',
    '-m recent --rcheck --seconds 1 --reap --name probe -m statistic --mode random --probability 0.5 -j RETURN',
    '-p tcp -j DNAT --to-destination 192.0.2.1:80',
  ];
  const appended = rules.map((rule) => `-A ${chain} ${rule}\n`).join('');
  const script = `*nat\n:${chain} - [0:0]\n${appended}COMMIT\n`;
  await restoreIptables(script, { netns: scratch, flavour, family: 4 });
}

/** Sets of networks of both families, and every match and target that policies use, in the flavour of the system's program. */
async function tryIpset(scratch: Netns): Promise<void> {
  const flavour = systemIptablesFlavour();
  if (flavour === undefined)
    throw new FairleadError('unsupported', 'The program "iptables" is not installed');
  const [chain, set] = ['FAIRLEAD-PROBE', 'fl-probe'];
  for (const family of [4, 6] as const) {
    const rules = [
      `-m set --match-set ${set}${family} src -m connmark --mark 0x1/0x1 -g ${chain}-END`,
      '-m conntrack --ctdir REPLY -m mark --mark 0x1/0x1 -j CONNMARK --set-xmark 0x0/0x1',
      '-p tcp -m multiport --dports 1,2:3 -m addrtype --src-type LOCAL -j RETURN',
      '-m limit --limit 1/sec -j NFLOG --nflog-prefix probe --nflog-group 1',
      ...(family === 4 ? [] : ['-p ipv6-icmp -m icmp6 --icmpv6-type 135 -m hl --hl-eq 255 -j RETURN']),
    ];
    const inet = family === 4 ? 'inet' : 'inet6';
    await restoreIpset([`create ${set}${family} hash:net family ${inet}`], { netns: scratch });
    const appended = rules.map((rule) => `-A ${chain} ${rule}\n`).join('');
    const script = `*mangle\n:${chain} - [0:0]\n:${chain}-END - [0:0]\n${appended}-A POSTROUTING -j ${chain}\nCOMMIT\n`;
    await restoreIptables(script, { netns: scratch, flavour, family });
  }
}

/** Asks generic netlink for a family by name; the kernel loads the module where there is one. */
function tryGeneric(family: string, scratch: Netns): void {
  const writer = new MessageWriter({ type: GENL_ID_CTRL, flags: c.NLM_F_REQUEST | c.NLM_F_ACK });
  writer.u8(CTRL_CMD_GETFAMILY).u8(1).u16(0).attributeText(CTRL_ATTR_FAMILY_NAME, family);
  request({ action: `find netlink family ${family}`, scratch, protocol: NETLINK_GENERIC }, writer.finish());
}

interface Ask {
  readonly action: string;
  readonly scratch: Netns;
  readonly protocol: number;
}

function request(ask: Ask, message: Uint8Array): void {
  const { action, scratch, protocol } = ask;
  const socket = inNetns(scratch, () => new NetlinkSocket(protocol));
  try {
    const answer = socket.request(message);
    if (answer.errno === 0) return;
    throw kernelError({ action, errno: answer.errno, detail: answer.text });
  } finally {
    socket.close();
  }
}
