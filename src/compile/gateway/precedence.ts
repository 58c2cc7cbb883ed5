// Which of two matches decides a request that both fit (gateway-api apis/v1, HTTPRouteRule.matches and GRPCRouteRule.matches).

import type { RouteEntry } from '../../model/gateway.ts';
import type { GatewayMeta } from '../../objects/gateway-api/common.ts';
import { objectKey } from '../../objects/slim-meta.ts';
import { compareSpecificity, type Hostname } from './hostnames.ts';

/** An entry, and what its place follows from beside its own conditions. */
export interface RankedEntry {
  readonly entry: RouteEntry;
  readonly route: GatewayMeta;
  /** Of the rule in the route, and of the match in the rule. */
  readonly ruleIndex: number;
  readonly matchIndex: number;
  /** A regular expression that stands for a method of any service: after all services by name. */
  readonly isMethodOnly: boolean;
  /** Of headers that the route names: what an entry asks beside them does not count. */
  readonly headerCount: number;
}

/** An entry at a listener: `own` is the route's name by which it has a request there. */
export interface PlacedEntry extends RankedEntry {
  readonly own: Hostname;
}

/** Negative where `a` comes first. The route's own name goes before everything else. */
export function compareEntries(a: PlacedEntry, b: PlacedEntry): number {
  return (
    compareSpecificity(a.own, b.own) ||
    pathRank(a) - pathRank(b) ||
    pathLength(b) - pathLength(a) ||
    Number(b.entry.method !== undefined) - Number(a.entry.method !== undefined) ||
    b.headerCount - a.headerCount ||
    b.entry.query.length - a.entry.query.length ||
    compareTexts(a.route.createdAt, b.route.createdAt) ||
    compareTexts(objectKey(a.route), objectKey(b.route)) ||
    compareTexts(kindOf(a), kindOf(b)) ||
    a.ruleIndex - b.ruleIndex ||
    a.matchIndex - b.matchIndex
  );
}

/** The specification leaves the place of regular expressions to us: after whole paths, before prefixes, the longer one first. */
function pathRank({ entry, isMethodOnly }: RankedEntry): number {
  const { type, value } = entry.path;
  if (isMethodOnly) return 3;
  if (type === 'exact') return 0;
  if (type === 'regex') return 1;
  return value === '/' ? 4 : 2;
}

/** A trailing slash says nothing in a prefix. */
function pathLength({ entry }: RankedEntry): number {
  const { type, value } = entry.path;
  return type === 'prefix' && value.endsWith('/') ? value.length - 1 : value.length;
}

/** Two kinds may have one name; the specification leaves it there. */
function kindOf({ entry }: RankedEntry): string {
  return entry.rule.slice(0, entry.rule.indexOf('/'));
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
