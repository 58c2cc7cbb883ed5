// Rules as text, without "-A CHAIN": letter for letter as `iptables-save` prints them (1.8.9, both flavours), so that what is read back can be compared.

import type { Cidr } from '../../base/cidr.ts';
import { hostCidr } from '../../base/cidr.ts';
import { familyOf, type Ip } from '../../base/ip.ts';
import type { Endpoint, Frontend } from '../../model/network.ts';

/** Comments are cut in the kernel at 255. */
const MAX_COMMENT_CHARACTERS = 200;
/** xt_statistic keeps a probability as a number of 31 bits, and so it is printed. */
const PROBABILITY_UNIT = 2 ** 31;
/** By `left`, those that nearly all rules take: to print the number takes longer than all the rest of a rule. */
const CHANCES: readonly string[] = Array.from({ length: 101 }, (_, left) => chanceOf(left));

export function jump(chain: string): string {
  return `-j ${chain}`;
}

export function fromSource(cidr: Cidr, chain: string): string {
  return isEverybody(cidr) ? jump(chain) : `-s ${cidr} -j ${chain}`;
}

/** Matches of the whole address space are not printed. */
function isEverybody(cidr: Cidr): boolean {
  return cidr.endsWith('/0');
}

/** To a frontend's address, protocol and port. The comment is for readers. */
export function toFrontend(frontend: Frontend, chain: string): string {
  const { ip, port, protocol } = frontend;
  const transport = protocol.toLowerCase();
  const about = commentOf(frontend);
  return `-d ${hostCidr(ip)} -p ${transport} -m comment --comment "${about}" -m ${transport} --dport ${port} -j ${chain}`;
}

/** "namespace/service:port". */
function commentOf({ namespace, service, portName }: Frontend): string {
  const port = portName === '' ? '' : `:${portName}`;
  return `${namespace}/${service}${port}`.slice(0, MAX_COMMENT_CHARACTERS);
}

/** With a comment, by which the rule is known as a frontend's. */
export function leaveAddress(ip: Ip, key: string): string {
  return `-d ${hostCidr(ip)} -m comment --comment "${key}" -j RETURN`;
}

export function setMark(mark: number): string {
  return `-j MARK --set-xmark ${hex(mark)}/${hex(mark)}`;
}

/** On the flow of a packet that was translated to an endpoint. */
export function markTranslated(bit: number): string {
  return `-m conntrack --ctstate DNAT -j CONNMARK --set-xmark ${hex(bit)}/${hex(bit)}`;
}

/** Sets `set` and clears `clear`. */
export function changeMark(set: number, clear: number): string {
  return `-j MARK --set-xmark ${hex(set)}/${hex(set | clear)}`;
}

export function whereMarked(mark: number, rest: string): string {
  return `-m mark --mark ${hex(mark)}/${hex(mark)} ${rest}`;
}

export function whereNotMarked(mark: number, rest: string): string {
  return `-m mark ! --mark ${hex(mark)}/${hex(mark)} ${rest}`;
}

function hex(mark: number): string {
  return `0x${mark.toString(16)}`;
}

/** Before a target: one of `left` rules that are equally likely, given that none before was taken. */
export function oneOf(left: number, target = ''): string {
  if (left === 1) return target;
  return `${CHANCES[left] ?? chanceOf(left)} ${target}`;
}

function chanceOf(left: number): string {
  const probability = Math.round(PROBABILITY_UNIT / left) / PROBABILITY_UNIT;
  return `-m statistic --mode random --probability ${probability.toFixed(11)}`;
}

/** Clients that were sent to the endpoint within the time-out. */
export function remembered(chain: string, timeoutS: number, ip: Ip): string {
  return `-m recent --rcheck --seconds ${timeoutS} --reap --name ${chain} --mask ${fullMask(ip)} --rsource -j ${chain}`;
}

/** A match that is always met, and notes the client in the list `memory`. */
export function remember(memory: string, ip: Ip): string {
  return `-m recent --set --name ${memory} --mask ${fullMask(ip)} --rsource `;
}

/** `matches`: empty, or with a space behind. */
export function translate({ ip, port }: Endpoint, protocol: Frontend['protocol'], matches: string): string {
  const to = familyOf(ip) === 4 ? `${ip}:${port}` : `[${ip}]:${port}`;
  return `-p ${protocol.toLowerCase()} ${matches}-j DNAT --to-destination ${to}`;
}

function fullMask(ip: Ip): string {
  return familyOf(ip) === 4 ? '255.255.255.255' : Array<string>(8).fill('ffff').join(':');
}
