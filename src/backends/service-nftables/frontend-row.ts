// A frontend as the kernel holds it: the elements of the table's sets and maps that are its own. What a render asks for and what an
// observation gives back. Pure.

import type { Ip } from '../../base/ip.ts';
import type { Port, Protocol } from '../../base/port.ts';
import { frontendKey } from '../../model/network.ts';
import { markText, numberMark } from './flow-kind.ts';

/** Sets and maps whose elements belong to one frontend each. */
export const FRONTEND_SETS = [
  'services',
  'outside',
  'endpoints',
  'identities',
  'masquerade',
  'limited',
  'allowed',
] as const;

export type FrontendSet = (typeof FRONTEND_SETS)[number];

export interface RowAddress {
  readonly ip: Ip;
  readonly port: Port;
  readonly protocol: Protocol;
}

/**
 * Elements by name: the set, and what its key has beside address, protocol and port. The value is what the map gives for it:
 *
 *   services                      "0x40000002"            kind of the flow (`flow-kind.ts`): inside clients, and outside ones without a kind of their own
 *   outside                       "0x50000001"            outside clients
 *   endpoints 0x40000000          "10.244.1.7 8080"       the endpoint that a number stands for; outside clients' own from 0x50000000 on
 *   identities 0x40000000         "0x6b1c0d2e"            for affinity: what stands for the endpoint of that number …
 *   endpoints 0x6b1c0d2e          "10.244.1.7 8080"       … and the endpoint
 *   masquerade                    ""                      outside clients are hidden
 *   limited; allowed 10.0.0.0/8   ""                      source ranges
 */
export interface FrontendRow extends RowAddress {
  readonly elements: ReadonlyMap<string, string>;
}

/** Names that nearly all frontends use: made once, they are one text in memory, however many rows have them. */
const FIRST_PLACES = 64;
const FIRST_NAMES: ReadonlyMap<MarkedSet, ReadonlyMap<number, string>> = new Map(
  (['endpoints', 'identities'] as const).map((set) => [set, firstNames(set)]),
);

type MarkedSet = 'endpoints' | 'identities';

function firstNames(set: MarkedSet): ReadonlyMap<number, string> {
  const places = Array.from({ length: FIRST_PLACES }, (_, place) => place);
  const marks = (['inside', 'outside'] as const).flatMap((side) => places.map((it) => numberMark(side, it)));
  return new Map(marks.map((mark) => [mark, `${set} ${markText(mark)}`]));
}

/** The name of an element that is found by a mark. */
export function markedName(set: MarkedSet, mark: number): string {
  return FIRST_NAMES.get(set)?.get(mark) ?? `${set} ${markText(mark)}`;
}

export interface RowEndpoint {
  readonly ip: Ip;
  readonly port: Port;
}

export function rowKey(address: RowAddress): string {
  return frontendKey(address);
}

export function endpointText({ ip, port }: RowEndpoint): string {
  return `${ip} ${port}`;
}

/** Same behaviour of the kernel; both rows belong to the same key. */
export function isSameRow(a: FrontendRow, b: FrontendRow): boolean {
  if (a === b) return true;
  if (a.elements.size !== b.elements.size) return false;
  for (const [name, value] of a.elements) if (b.elements.get(name) !== value) return false;
  return true;
}
