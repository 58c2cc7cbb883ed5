// What all routes bring together, kept while they stay: what one of thousands brings anew is put beside what the others brought before.

import { ShardedMap } from '../../base/sharded-map.ts';
import type { ProxyRule } from '../../model/gateway.ts';
import type { RouteVerdict } from '../../model/gateway-verdict.ts';
import type { BackendWay } from './backends.ts';
import { changeOf, isSameList } from './memo.ts';
import type { RouteParts } from './route-parts.ts';

export interface Products {
  /** By id. */
  readonly rules: ReadonlyMap<string, ProxyRule>;
  /** Each once. */
  readonly ways: readonly BackendWay[];
  /** Keys of those that the ways lead to. */
  readonly services: ReadonlySet<string>;
  readonly verdicts: readonly RouteVerdict[];
}

export class PartsProducts {
  #parts: readonly RouteParts[] = [];
  #rules = ShardedMap.empty<ProxyRule>();
  #products = productsOf([], this.#rules);

  /** The same object for the same parts. */
  of(parts: readonly RouteParts[]): Products {
    if (isSameList(this.#parts, parts)) return this.#products;
    this.#rules = this.#rules.with(rulesThatChange(this.#parts, parts));
    this.#parts = parts;
    this.#products = productsOf(parts, this.#rules);
    return this.#products;
  }
}

function productsOf(parts: readonly RouteParts[], rules: Products['rules']): Products {
  const ways = waysOf(parts);
  return {
    rules,
    ways,
    services: new Set(ways.map((it) => it.service)),
    verdicts: parts.map((it) => it.verdict),
  };
}

function rulesThatChange(
  before: readonly RouteParts[],
  now: readonly RouteParts[],
): ReadonlyMap<string, ProxyRule | undefined> {
  const { gone, come } = changeOf(before, now);
  const changes = new Map<string, ProxyRule | undefined>();
  for (const { rules } of gone) for (const { id } of rules) changes.set(id, undefined);
  for (const { rules } of come) for (const rule of rules) changes.set(rule.id, rule);
  return changes;
}

function waysOf(parts: readonly RouteParts[]): readonly BackendWay[] {
  const ways = new Map<string, BackendWay>();
  for (const it of parts) for (const way of it.ways) if (!ways.has(way.id)) ways.set(way.id, way);
  return [...ways.values()];
}
