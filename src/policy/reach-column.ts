// Which ports of an end to ask about: ports between which no rule makes a difference are one column, so that nothing is left out.

import type { Protocol } from '../base/port.ts';
import { areSameBits, type Bits } from './bits.ts';
import { splitPorts, type PortSpan } from './port-span.ts';
import { CLOSED, type PortAsked, type Reach } from './reach.ts';
import type { RulePorts } from './reach-rule.ts';

/** Ports of one end that are all answered alike. `asked` stands for them. */
export interface ReachColumn {
  readonly to: number;
  readonly asked: PortAsked;
  /** Who reaches it in each of the worlds, in the order in which they were given. */
  readonly sources: readonly Bits[];
  readonly spans: readonly PortSpan[];
  /** Of a port that the end's containers declare. */
  readonly name: string | undefined;
  readonly isDeclared: boolean;
}

const PROTOCOLS = ['TCP', 'UDP', 'SCTP'] as const;

/** The columns of an end; they hold for all of `reaches`, whose ends are the same. SCTP only where somebody speaks of it. */
export function columnsOf(reaches: readonly Reach[], to: number): readonly ReachColumn[] {
  const declared = reaches.flatMap((it) => declaredPorts(it, to));
  const ingress = spansOf(reaches.flatMap((it) => it.ingressPorts(to)));
  const egress = spansOf(reaches.flatMap((it) => it.egressPorts(to)));
  const all = [...declared.map((it) => it.span), ...ingress, ...egress];
  return PROTOCOLS.filter((it) => it !== 'SCTP' || all.some(({ protocol }) => protocol === it)).flatMap(
    (protocol) => {
      const own = declared.filter((it) => it.span.protocol === protocol);
      const marks = [...own.map((it) => it.span), ...ingress];
      // Where nothing is let in at all, what others may send to does not matter.
      const isOpen = (span: PortSpan): boolean =>
        reaches.some((it) => it.likeness(to, askedOf(span)) !== CLOSED);
      const spans = splitPorts(protocol, marks);
      const finer = spans.some(isOpen) ? splitPorts(protocol, [...marks, ...egress]) : spans;
      return mergeAlike(reaches, { to, spans: finer, declared: own });
    },
  );
}

interface Declared {
  readonly span: PortSpan;
  readonly name: string | undefined;
}

function declaredPorts(reach: Reach, to: number): readonly Declared[] {
  return (reach.ends[to]?.ports ?? []).flatMap(({ containerPort: port, protocol, name }) => {
    const known = PROTOCOLS.find((it) => it === (protocol ?? 'TCP'));
    if (known === undefined || !(port >= 1 && port <= 65_535)) return [];
    return [{ span: { protocol: known, first: port, last: port }, name: name === '' ? undefined : name }];
  });
}

function spansOf(ports: readonly RulePorts[]): readonly PortSpan[] {
  return [...new Set(ports)].flatMap((it) => it?.spans ?? []);
}

function askedOf({ protocol, first }: PortSpan): { readonly protocol: Protocol; readonly port: number } {
  return { protocol, port: first };
}

/** A declared port stays by itself; of the others, those that the same ends reach become one column. */
function mergeAlike(reaches: readonly Reach[], { to, spans, declared }: Splitting): readonly ReachColumn[] {
  const own: ReachColumn[] = [];
  const alike = new Map<string, PortSpan[]>();
  for (const span of spans) {
    const asked = askedOf(span);
    const found = declared.find((it) => it.span.first === span.first && span.first === span.last);
    if (found !== undefined) {
      own.push({ ...columnAt(reaches, to, [span]), name: found.name, isDeclared: true });
      continue;
    }
    const key = reaches.map((it) => it.likeness(to, asked)).join(' ');
    const known = alike.get(key);
    if (known === undefined) alike.set(key, [span]);
    else known.push(span);
  }
  const others: ReachColumn[] = [];
  for (const group of alike.values()) {
    const column = columnAt(reaches, to, group);
    const same = others.findIndex((it) =>
      it.sources.every((set, i) => areSameBits(set, column.sources[i] ?? set)),
    );
    const before = others[same];
    if (before === undefined) others.push(column);
    else others[same] = { ...before, spans: [...before.spans, ...group] };
  }
  const whole = others.map((it) => ({ ...it, spans: joined(it.spans) }));
  return [...own, ...whole.filter((it) => !isRest(it)), ...whole.filter(isRest)];
}

interface Splitting {
  readonly to: number;
  readonly spans: readonly PortSpan[];
  readonly declared: readonly Declared[];
}

function columnAt(reaches: readonly Reach[], to: number, spans: readonly PortSpan[]): ReachColumn {
  const [first] = spans;
  const asked = first === undefined ? { protocol: 'TCP' as const, port: 1 } : askedOf(first);
  const sources = reaches.map((it) => it.sources(to, asked));
  return { to, asked, sources, spans, name: undefined, isDeclared: false };
}

/** Spans that follow each other as one. */
function joined(spans: readonly PortSpan[]): readonly PortSpan[] {
  const result: PortSpan[] = [];
  for (const span of spans.toSorted((a, b) => a.first - b.first)) {
    const last = result.at(-1);
    if (last !== undefined && last.last + 1 === span.first)
      result[result.length - 1] = { ...last, last: span.last };
    else result.push(span);
  }
  return result;
}

/** The column of what nobody names: it goes to the end of all ports. */
function isRest({ spans, isDeclared }: ReachColumn): boolean {
  return !isDeclared && spans.at(-1)?.last === 65_535;
}

/** "TCP 80 (http)", "TCP 8000-8010", "TCP other" of what is left of a protocol. */
export function portsText(column: ReachColumn): string {
  const { asked, spans, name } = column;
  const texts = spans.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`));
  const all = spans.length === 1 && spans[0]?.first === 1;
  const ports = isRest(column) ? (all ? 'all' : 'other') : texts.join(',');
  return `${asked.protocol} ${ports}${name === undefined ? '' : ` (${name})`}`;
}
