// An HTTPRoute's or GRPCRoute's rules, as the proxy carries them, and what of them leads nowhere.

import { readPlainRegex } from '../../base/plain-regex.ts';
import {
  SHOWN_BYTES,
  type ProxyFilter,
  type ProxyRule,
  type ValueMatch,
  type WeightedBackend,
} from '../../model/gateway.ts';
import type { Verdict } from '../../model/gateway-verdict.ts';
import type { BackendRef } from '../../objects/gateway-api/common.ts';
import type {
  HttpBackendRef,
  HttpFilter,
  HttpRoute,
  HttpRule,
} from '../../objects/gateway-api/http-route.ts';
import { objectKey } from '../../objects/slim-meta.ts';
import { resolveBackend, type BackendInputs, type BackendShape, type BackendWay } from './backends.ts';
import { referrerOf, type Referrer } from './grants.ts';
import type { RankedEntry } from './precedence.ts';
import { retryOf, type Shortfalls } from './retries.ts';
import { no } from './verdicts.ts';

/** An HTTPRoute, or a GRPCRoute in its form (`grpc-rules.ts`). */
export interface HttpLikeRoute extends Omit<HttpRoute, 'rules'> {
  readonly kind: 'HTTPRoute' | 'GRPCRoute';
  readonly rules: readonly HttpLikeRule[];
}

export interface HttpLikeRule extends Omit<HttpRule, 'matches'> {
  readonly matches: readonly (HttpRule['matches'][number] & { readonly isMethodOnly: boolean })[];
}

export interface CompiledRoute {
  readonly entries: readonly RankedEntry[];
  readonly rules: readonly ProxyRule[];
  /** Those that the rules lead to; some may stand twice. */
  readonly ways: readonly BackendWay[];
  /** The first reference that leads nowhere; undefined where all resolve. */
  readonly unresolved: Verdict | undefined;
  /** Why nothing of the route may be served; undefined where it may. */
  readonly refused: Verdict | undefined;
  /** Rules that cannot be served, and why, in words. */
  readonly dropped: readonly string[];
  /** What is asked for and cannot be had from this proxy, in words. */
  readonly shortfalls: readonly string[];
}

export function compileHttpRoute(route: HttpLikeRoute, inputs: BackendInputs): CompiledRoute {
  const entries: RankedEntry[] = [];
  const rules: ProxyRule[] = [];
  const ways: BackendWay[] = [];
  const dropped: string[] = [];
  const shortfalls: string[] = [];
  let unresolved: Verdict | undefined;
  for (const [ruleIndex, rule] of route.rules.entries()) {
    const id = `${route.kind}/${objectKey(route)}/${ruleIndex}`;
    const fault = rule.matches.map(faultOf).find((it) => it !== undefined);
    if (fault !== undefined) {
      dropped.push(`rule ${rule.name ?? ruleIndex}: ${fault}`);
      continue;
    }
    const compiled = new RuleCompiler(route, rule, inputs).compile(id);
    rules.push(compiled.rule);
    ways.push(...compiled.ways);
    unresolved ??= compiled.unresolved;
    shortfalls.push(...compiled.shortfalls.map((it) => `rule ${rule.name ?? ruleIndex}: ${it}`));
    for (const [matchIndex, match] of rule.matches.entries())
      entries.push({ ...entryOf(route, match, id), route, ruleIndex, matchIndex });
  }
  const isNothingLeft = rules.length === 0 && dropped.length > 0;
  const refused = isNothingLeft ? no('Accepted', 'UnsupportedValue', dropped.join('; ')) : refusalOf(route);
  return { entries, rules, ways, unresolved, refused, dropped, shortfalls };
}

/** Clients of gRPC say so (gRPC over HTTP/2, "Content-Type"); a GRPCRoute has no other requests. */
const IS_GRPC: ValueMatch = {
  type: 'regex',
  name: 'content-type',
  value: 'application/grpc(?:[+;].*)?',
};

function entryOf(
  { kind }: HttpLikeRoute,
  { isMethodOnly, path, method, ...match }: HttpLikeRule['matches'][number],
  rule: string,
): Pick<RankedEntry, 'entry' | 'isMethodOnly' | 'headerCount'> {
  const own = firstOfEach(match.headers.map((it) => ({ ...it, name: it.name.toLowerCase() })));
  const headers = kind === 'GRPCRoute' ? [...own, IS_GRPC] : own;
  const entry = { path, method, headers, query: firstOfEach(match.query), rule };
  return { entry, isMethodOnly, headerCount: own.length };
}

/** Of entries with one name only the first counts. */
function firstOfEach(matches: readonly ValueMatch[]): readonly ValueMatch[] {
  const seen = new Set<string>();
  return matches.filter(({ name }) => !seen.has(name) && seen.add(name));
}

/** Why a match cannot be served: an expression of it is none that everybody reads alike. */
function faultOf({ path, headers, query }: HttpLikeRule['matches'][number]): string | undefined {
  const wrong = [path, ...headers, ...query].find(
    ({ type, value }) => type === 'regex' && readPlainRegex(value) === undefined,
  );
  return wrong && `the regular expression ${JSON.stringify(wrong.value)} is not of the common dialect`;
}

/** A filter that would be left out in silence is worse than a route that is not served. */
function refusalOf({ rules }: HttpLikeRoute): Verdict | undefined {
  for (const [index, { filters }] of rules.entries()) {
    const kinds = new Set(filters.map(({ kind }) => kind));
    if (kinds.has('redirect') && kinds.has('rewrite'))
      return no('Accepted', 'IncompatibleFilters', `rule ${index} both redirects and rewrites`);
  }
  return undefined;
}

class RuleCompiler {
  readonly #from: Referrer;
  readonly #rule: HttpLikeRule;
  readonly #inputs: BackendInputs;
  readonly #isGrpc: boolean;
  readonly #shortfalls: Shortfalls = [];
  readonly #ways: BackendWay[] = [];
  #unresolved: Verdict | undefined;

  constructor(route: HttpLikeRoute, rule: HttpLikeRule, inputs: BackendInputs) {
    this.#from = referrerOf(route.kind, route.namespace);
    this.#rule = rule;
    this.#inputs = inputs;
    this.#isGrpc = route.kind === 'GRPCRoute';
  }

  compile(id: string): {
    readonly rule: ProxyRule;
    readonly ways: readonly BackendWay[];
    readonly unresolved: Verdict | undefined;
    readonly shortfalls: readonly string[];
  } {
    const { timeouts } = this.#rule;
    const filters = this.#filters(this.#rule.filters);
    const shape = this.#shape();
    const backends = this.#rule.backends.map((ref) => this.#weighted(ref, shape));
    const rule: ProxyRule = {
      id,
      isGrpc: this.#isGrpc,
      // A filter that cannot be had must not be skipped: such a rule answers 500.
      filters: filters ?? [],
      backends: filters === undefined ? [] : backends,
      requestTimeoutMs: timeouts.requestMs ?? 0,
      backendTimeoutMs: timeouts.backendRequestMs ?? 0,
    };
    return { rule, ways: this.#ways, unresolved: this.#unresolved, shortfalls: this.#shortfalls };
  }

  #shape(): BackendShape {
    const { persistence } = this.#rule;
    return {
      carries: 'http',
      isPassed: false,
      isGrpc: this.#isGrpc,
      retry: retryOf(this.#rule.retry, this.#shortfalls),
      persistence: persistence && {
        type: persistence.type,
        name: persistence.sessionName ?? 'fairlead-session',
        absoluteTimeoutMs: persistence.absoluteTimeoutMs,
        cookieLifetime: persistence.cookieLifetime,
      },
    };
  }

  #weighted(ref: HttpBackendRef, shape: BackendShape): WeightedBackend {
    const filters = this.#filters(ref.filters);
    const backend = this.#resolve(ref, shape);
    if (filters === undefined) return { backend: undefined, weight: ref.weight, filters: [] };
    return { backend, weight: ref.weight, filters };
  }

  #resolve(ref: BackendRef, shape: BackendShape): string | undefined {
    const found = resolveBackend(this.#inputs, this.#from, ref, shape);
    if ('way' in found) {
      this.#ways.push(found.way);
      return found.way.id;
    }
    this.#unresolved ??= found.problem;
    return undefined;
  }

  /** Undefined where one of them cannot be had. */
  #filters(filters: readonly HttpFilter[]): readonly ProxyFilter[] | undefined {
    const compiled: ProxyFilter[] = [];
    for (const filter of filters) {
      const found = this.#filter(filter);
      if (found === 'missing') return undefined;
      if (found !== 'left-out') compiled.push(found);
    }
    return compiled;
  }

  #filter(filter: HttpFilter): ProxyFilter | 'left-out' | 'missing' {
    const plain: BackendShape = {
      carries: 'http',
      isPassed: false,
      isGrpc: this.#isGrpc,
      retry: undefined,
      persistence: undefined,
    };
    switch (filter.kind) {
      case 'mirror': {
        const { backend: ref, numerator, denominator } = filter;
        const backend = this.#resolve(ref, plain);
        // The specification's own way with mirrors that lead nowhere: the request itself goes on.
        if (backend === undefined) return 'left-out';
        return { kind: 'mirror', backend, share: denominator === 0 ? 0 : numerator / denominator };
      }
      case 'external-auth': {
        const backend = this.#resolve(filter.backend, { ...plain, isGrpc: filter.protocol === 'grpc' });
        if (filter.forwardBodyBytes > SHOWN_BYTES)
          this.#shortfalls.push(`bodies of more than ${SHOWN_BYTES} bytes are refused instead of shown`);
        return backend === undefined ? 'missing' : { ...filter, backend };
      }
      case 'extension': {
        const { group, kind, name } = filter.ref;
        this.#unresolved ??= no('ResolvedRefs', 'InvalidKind', `no filter ${kind}.${group} ${name} is known`);
        return 'missing';
      }
      default:
        return filter;
    }
  }
}
