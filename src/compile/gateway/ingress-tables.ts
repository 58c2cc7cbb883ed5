// The rules of all Ingresses by host, the more specific host first. A request that a host's rules leave over goes on to those of the next less specific one.

import type { HostTable, ProxyRule, RouteEntry } from '../../model/gateway.ts';
import type { IngressProblem } from '../../model/ingress-verdict.ts';
import type { Ingress } from '../../objects/ingress.ts';
import { objectKey } from '../../objects/slim-meta.ts';
import { compareHostnames, type Hostname } from './hostnames.ts';
import { withCanaries } from './ingress-canary.ts';
import { APP_ROOT, HTTPS_RULE } from './ingress-filters.ts';
import type { IngressEntry, IngressParts } from './ingress-parts.ts';
import { compareEntries, type RankedEntry } from './precedence.ts';

export interface IngressTables {
  readonly http: readonly HostTable[];
  readonly https: readonly HostTable[];
  readonly rules: ReadonlyMap<string, ProxyRule>;
  /** What is wrong with one Ingress because of the others, by "namespace/name". */
  readonly problems: ReadonlyMap<string, readonly IngressProblem[]>;
}

export function ingressTables(parts: readonly IngressParts[]): IngressTables {
  const rules = new Map([HTTPS_RULE, ...parts.flatMap((it) => it.rules)].map((it) => [it.id, it]));
  const problems = new Map<string, readonly IngressProblem[]>();
  const { hosts, rests, regexHosts } = collected(parts);
  const tables = [...new Set([...hosts.keys(), ...rests.keys()])].sort(compareHostnames).map((hostname) => {
    const { entries, rules: more, alone } = withCanaries(hosts.get(hostname) ?? [], (id) => rules.get(id));
    for (const it of more) rules.set(it.id, it);
    for (const { ranked } of alone) {
      const key = objectKey(ranked.route);
      const message = `no other Ingress of namespace ${ranked.route.namespace} has ${hostname ?? 'every host'} with path ${ranked.entry.path.value}`;
      problems.set(key, [...(problems.get(key) ?? []), { reason: 'CanaryAlone', message }]);
    }
    const isRegex = regexHosts.has(hostname);
    const sorted = entries
      .map((it) => ({ ...it, ranked: { ...(isRegex ? asRegex(it.ranked) : it.ranked), own: hostname } }))
      .sort((a, b) => compareEntries(a.ranked, b.ranked));
    return { hostname, sorted, rest: rests.get(hostname) };
  });
  const tableOf = ({ hostname, sorted, rest }: (typeof tables)[number], isHttp: boolean): HostTable => ({
    hostname,
    isOneLabel: true,
    entries: [
      ...sorted.map(({ ranked: { entry }, isHttpsAlone }) =>
        isHttp && isHttpsAlone ? { ...entry, rule: HTTPS_RULE.id } : entry,
      ),
      ...(rest === undefined ? [] : [rest]),
    ],
  });
  return {
    http: tables.map((it) => tableOf(it, true)),
    https: tables.map((it) => tableOf(it, false)),
    rules,
    problems,
  };
}

interface Collected {
  readonly hosts: ReadonlyMap<Hostname, readonly IngressEntry[]>;
  /** The oldest Ingress that has rules for a host says what becomes of its other requests, and the oldest of all for every other host. */
  readonly rests: ReadonlyMap<Hostname, RouteEntry>;
  readonly regexHosts: ReadonlySet<Hostname>;
}

function collected(parts: readonly IngressParts[]): Collected {
  const hosts = new Map<Hostname, IngressEntry[]>();
  const rests = new Map<Hostname, RouteEntry>();
  const regexHosts = new Set<Hostname>();
  for (const { hosts: own, rest, regexHosts: asked } of parts) {
    for (const host of asked) regexHosts.add(host);
    for (const [host, entries] of own) {
      const known = hosts.get(host);
      if (known === undefined) hosts.set(host, [...entries]);
      else known.push(...entries);
      if (rest !== undefined && !rests.has(host)) rests.set(host, rest);
    }
    if (rest !== undefined && !rests.has(undefined)) rests.set(undefined, rest);
  }
  for (const { ingress, otherNames } of parts)
    for (const [host, entry] of otherNames)
      if (!hosts.has(host)) hosts.set(host, [aloneEntry(ingress, entry)]);
  return { hosts, rests, regexHosts };
}

function aloneEntry(route: Ingress, entry: RouteEntry): IngressEntry {
  const ranked = { entry, route, ruleIndex: 0, matchIndex: 0, isMethodOnly: false, headerCount: 0 };
  return { ranked, isHttpsAlone: false, canary: undefined };
}

/** As ingress-nginx's: in any case, and what follows the match does not count. */
function asRegex(ranked: RankedEntry): RankedEntry {
  const { entry } = ranked;
  if (entry.rule.endsWith(`/${APP_ROOT}`)) return ranked;
  return { ...ranked, entry: { ...entry, path: { type: 'regex', value: `(?i)${entry.path.value}.*` } } };
}
