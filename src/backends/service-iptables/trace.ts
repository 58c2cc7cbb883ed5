// Pure: what rendered rules do to the first packet of a flow, by walking them as the kernel does. Where chance decides, all ways are walked.

import { cidrHasIp } from '../../base/cidr.ts';
import { FairleadError } from '../../base/errors.ts';
import { familyOf, type Ip } from '../../base/ip.ts';
import type { Port, Protocol } from '../../base/port.ts';
import { MARKS } from './names.ts';
import type { FrontendRow, Table } from './render.ts';
import { parseRule, type ParsedRule } from './rule-parse.ts';
import type { SkeletonEntry } from './skeleton.ts';

export interface TracedPacket {
  readonly source: Ip;
  readonly destination: Ip;
  readonly port: Port;
  readonly protocol: Protocol;
  /** Made by a process of the node. */
  readonly isFromNode: boolean;
}

export interface TraceContext {
  readonly skeleton: ReadonlyMap<string, SkeletonEntry>;
  /** Addresses of the node. */
  readonly nodeIps: ReadonlySet<Ip>;
}

/** `endpoints`: each of them may be chosen, as "ip port". `untouched`: goes on to where it was sent. */
export type TraceVerdict =
  | { readonly kind: 'endpoints'; readonly to: ReadonlyMap<string, { readonly isMasqueraded: boolean }> }
  | { readonly kind: 'refused' | 'dropped' | 'untouched' };

type Chains = ReadonlyMap<string, readonly ParsedRule[]>;

/** What one walk through a hook has come to. */
interface Walk {
  readonly mark: number;
  readonly to: string | undefined;
  readonly end: 'accept' | 'drop' | 'refuse' | 'return' | undefined;
}

export function traceIptables(
  rows: ReadonlyMap<string, FrontendRow>,
  packet: TracedPacket,
  context: TraceContext,
): TraceVerdict {
  const chains = chainsOf(rows, packet, context);
  const hook = packet.isFromNode ? 'OUTPUT' : 'PREROUTING';
  const start: Walk = { mark: 0, to: undefined, end: undefined };
  const translated = walkChain(chains('nat'), hook, { packet, context, walk: start });
  const results = translated.map((walk) => afterNat(chains, packet, context, walk));
  const kinds = new Set(results.map((it) => it.kind));
  const [first = { kind: 'untouched' } as const] = results;
  if (kinds.size === 1 && first.kind !== 'endpoints') return first;
  if (kinds.size === 1)
    return {
      kind: 'endpoints',
      to: new Map(results.flatMap((it) => (it.kind === 'endpoints' ? [...it.to] : []))),
    };
  throw new FairleadError(
    'internal',
    `Cannot trace ${packet.destination}: one packet has ${[...kinds].join(' and ')}`,
  );
}

/** Forwarded or delivered, then the source's way out. */
function afterNat(
  chains: (table: Table) => Chains,
  packet: TracedPacket,
  context: TraceContext,
  walk: Walk,
): TraceVerdict {
  if (walk.to !== undefined) {
    const isMasqueraded = (walk.mark & MARKS.masquerade) !== 0;
    return { kind: 'endpoints', to: new Map([[walk.to, { isMasqueraded }]]) };
  }
  const hook = packet.isFromNode ? 'OUTPUT' : context.nodeIps.has(packet.destination) ? 'INPUT' : 'FORWARD';
  const [end] = walkChain(chains('filter'), hook, { packet, context, walk: { ...walk, end: undefined } });
  if (end?.end === 'drop') return { kind: 'dropped' };
  return { kind: end?.end === 'refuse' ? 'refused' : 'untouched' };
}

interface Step {
  readonly packet: TracedPacket;
  readonly context: TraceContext;
  readonly walk: Walk;
}

/** All ways through a chain. */
function walkChain(chains: Chains, chain: string, step: Step): readonly Walk[] {
  let open: readonly Walk[] = [step.walk];
  const done: Walk[] = [];
  for (const rule of chains.get(chain) ?? []) {
    const next: Walk[] = [];
    for (const walk of open) {
      if (!isMatch(rule, { ...step, walk })) {
        next.push(walk);
        continue;
      }
      if (rule.isChance) next.push(walk);
      for (const it of perform(chains, rule, { ...step, walk }))
        (it.end === undefined ? next : done).push(it);
    }
    open = next;
  }
  return [...done, ...open];
}

function perform(chains: Chains, rule: ParsedRule, step: Step): readonly Walk[] {
  const { walk } = step;
  const { action } = rule;
  switch (action.kind) {
    case 'mark':
      return [{ ...walk, mark: ((walk.mark & ~action.mask) ^ action.value) >>> 0 }];
    case 'translate':
      return [{ ...walk, to: action.to, end: 'accept' }];
    case 'end':
      return [{ ...walk, end: action.end }];
    case 'chain':
      // Who returns goes on behind the jump.
      return walkChain(chains, action.chain, step).map((it) =>
        it.end === 'return' ? { ...it, end: undefined } : it,
      );
  }
}

function isMatch(rule: ParsedRule, { packet, context, walk }: Step): boolean {
  const { source, destination, protocol, port, mark, isRemembered, isFromLocal, isTranslated } = rule;
  return (
    (source === undefined || cidrHasIp(source, packet.source)) &&
    (destination === undefined || cidrHasIp(destination, packet.destination)) &&
    (protocol === undefined || protocol === packet.protocol) &&
    (port === undefined || port === packet.port) &&
    (mark === undefined || ((walk.mark & mark.mask) >>> 0 === mark.value) !== mark.isNegated) &&
    // A client that nobody has seen yet.
    !isRemembered &&
    (!isTranslated || walk.to !== undefined) &&
    (!isFromLocal || packet.isFromNode || context.nodeIps.has(packet.source))
  );
}

/** Chains of the packet's family, parsed where the walk comes by. */
function chainsOf(
  rows: ReadonlyMap<string, FrontendRow>,
  packet: TracedPacket,
  { skeleton }: TraceContext,
): (table: Table) => Chains {
  const family = familyOf(packet.destination);
  const texts: Readonly<Record<Table, Map<string, string[]>>> = { nat: new Map(), filter: new Map() };
  for (const entry of skeleton.values()) {
    if (entry.family === family) texts[entry.table].set(entry.chain, [...entry.rules]);
  }
  for (const row of rows.values()) {
    if (row.family !== family) continue;
    for (const [name, rules] of row.chains) texts.nat.set(name, rules.split('\n'));
    for (const { table, chain, rule } of row.entries) texts[table].get(chain)?.unshift(rule);
  }
  const parsed = (table: Table): Chains =>
    new Map([...texts[table]].map(([name, rules]) => [name, rules.map(parseRule)]));
  const [nat, filter] = [parsed('nat'), parsed('filter')];
  return (table) => (table === 'nat' ? nat : filter);
}
