// Canaries: an Ingress that takes a share of the requests of another one's host and path, by header, cookie or weight, asked in this order.

import type { ProxyRule, ValueMatch } from '../../model/gateway.ts';
import type { CanaryOptions } from './ingress-options.ts';
import type { IngressEntry } from './ingress-parts.ts';

export interface WithCanaries {
  readonly entries: readonly IngressEntry[];
  /** Beside those of the Ingresses themselves. */
  readonly rules: readonly ProxyRule[];
  /** Canaries that have nothing to take a share of. */
  readonly alone: readonly IngressEntry[];
}

/** Of one host. What the main Ingress does to requests is done to the canary's too. */
export function withCanaries(
  all: readonly IngressEntry[],
  ruleOf: (id: string) => ProxyRule | undefined,
): WithCanaries {
  const canaries = all.filter((it) => it.canary !== undefined);
  if (canaries.length === 0) return { entries: all, rules: [], alone: [] };
  const entries: IngressEntry[] = [];
  const rules: ProxyRule[] = [];
  const found = new Set<IngressEntry>();
  for (const main of all) {
    if (main.canary !== undefined) continue;
    const canary = canaries.find((it) => isFor(it, main));
    const [mainRule, canaryRule] = [main, canary].map((it) => ruleOf(it?.ranked.entry.rule ?? ''));
    if (canary?.canary === undefined || mainRule === undefined || canaryRule === undefined) {
      entries.push(main);
      continue;
    }
    found.add(canary);
    const split = splitOf(mainRule, canaryRule, canary.canary);
    rules.push(...split.rules);
    entries.push(...split.choices.map((it, index) => choiceOf(main, it, index / split.choices.length)));
  }
  return { entries, rules, alone: canaries.filter((it) => !found.has(it)) };
}

/** Nobody's requests are taken from another namespace. */
function isFor({ ranked: canary }: IngressEntry, { ranked: main }: IngressEntry): boolean {
  const [a, b] = [canary.entry.path, main.entry.path];
  return canary.route.namespace === main.route.namespace && a.type === b.type && a.value === b.value;
}

interface Choice {
  readonly match: ValueMatch | undefined;
  readonly rule: string;
}

function splitOf(
  main: ProxyRule,
  canary: ProxyRule,
  options: CanaryOptions,
): { readonly choices: readonly Choice[]; readonly rules: readonly ProxyRule[] } {
  const { weight, weightTotal, header, headerValue, cookie } = options;
  const alone: ProxyRule = { ...main, id: `${main.id}+canary`, backends: canary.backends };
  const shared: ProxyRule = {
    ...main,
    id: `${main.id}+share`,
    backends: [
      ...main.backends.map((it) => ({ ...it, weight: weightTotal - weight })),
      ...canary.backends.map((it) => ({ ...it, weight })),
    ],
  };
  const choices: Choice[] = [];
  if (header !== undefined && headerValue !== undefined)
    choices.push({ match: { ...headerValue, name: header }, rule: alone.id });
  else if (header !== undefined)
    choices.push(
      { match: { type: 'exact', name: header, value: 'always' }, rule: alone.id },
      { match: { type: 'exact', name: header, value: 'never' }, rule: main.id },
    );
  if (cookie !== undefined)
    choices.push(
      { match: cookieMatch(cookie, 'always'), rule: alone.id },
      { match: cookieMatch(cookie, 'never'), rule: main.id },
    );
  choices.push({ match: undefined, rule: weight > 0 ? shared.id : main.id });
  return { choices, rules: weight > 0 ? [alone, shared] : [alone] };
}

/** In the list that the header is (RFC 6265 4.2.1). */
function cookieMatch(name: string, value: string): ValueMatch {
  const quoted = name.replaceAll(/[^A-Za-z0-9_-]/g, (it) => `\\${it}`);
  return { type: 'regex', name: 'cookie', value: `(?:.*[;,] *)?${quoted}=${value} *(?:[;,].*)?` };
}

/** Those with a condition come before the one without by their number of headers, in their own order by a place between two matches. */
function choiceOf(main: IngressEntry, { match, rule }: Choice, part: number): IngressEntry {
  const { ranked } = main;
  const entry = { ...ranked.entry, rule, headers: match === undefined ? [] : [match] };
  return {
    ...main,
    ranked: { ...ranked, entry, matchIndex: ranked.matchIndex + part, headerCount: entry.headers.length },
  };
}
