// The HTTPRoutes of migrated Ingresses, made of what their compile says: for each Ingress and host one, or several where there are more rules than a route may have.

import { HTTPS_RULE } from '../../compile/gateway/ingress-filters.ts';
import type { IngressTables } from '../../compile/gateway/ingress-tables.ts';
import type { HostTable, RouteEntry } from '../../model/gateway.ts';
import type { Ingress } from '../../objects/ingress.ts';
import type { IngressFindings } from './findings.ts';
import { HTTP_LISTENER, type GatewayName } from './gateway-listeners.ts';
import { gatewayApiObject, type ManifestLike } from './manifest-like.ts';
import { arePrefixes, type PathForm } from './route-path.ts';
import { HTTPS_REDIRECT, ruleOfEntry, type BackendPlaces, type RouteRule } from './route-rule.ts';

export interface RoutePlanInput {
  readonly tables: IngressTables;
  readonly places: BackendPlaces;
  readonly gateway: GatewayName;
  /** Of a rule's id. */
  readonly ingressOf: (rule: string) => Ingress | undefined;
  /** Names of the listeners that end TLS for a name. */
  readonly httpsOf: (host: string | undefined) => readonly string[];
  readonly say: (ingress: Ingress) => IngressFindings;
}

/** The specification's bound (HTTPRouteSpec.rules). */
const MAX_RULES = 16;
/** Of an object's name, less what is put behind it. */
const MAX_NAME = 240;

/** Listeners that a route attaches itself to: all, that for HTTP, those that end TLS. */
type Side = 'all' | 'http' | 'https';

interface HostPlan {
  readonly ingress: Ingress;
  readonly host: string | undefined;
  readonly side: Side;
  readonly rules: RouteRule[];
}

export interface PlannedRoute {
  readonly ingress: Ingress;
  readonly object: ManifestLike;
}

export function planRoutes(input: RoutePlanInput): readonly PlannedRoute[] {
  const plans = new Map<string, HostPlan>();
  const { http, https } = input.tables;
  for (const [index, table] of https.entries()) planTable(table, http[index] ?? table, { input, plans });
  const counts = new Map<Ingress, number>();
  return [...plans.values()].flatMap((plan) => {
    const parentRefs = parentsOf(plan, input);
    return chunks(plan.rules, MAX_RULES).map((rules) => {
      const { ingress, host } = plan;
      const count = (counts.get(ingress) ?? 0) + 1;
      counts.set(ingress, count);
      const base = ingress.name.slice(0, MAX_NAME);
      const metadata = { namespace: ingress.namespace, name: count === 1 ? base : `${base}-${count}` };
      const hostnames = host === undefined ? {} : { hostnames: [host] };
      return {
        ingress,
        object: gatewayApiObject('HTTPRoute', metadata, { parentRefs, ...hostnames, rules }),
      };
    });
  });
}

interface Planning {
  readonly input: RoutePlanInput;
  readonly plans: Map<string, HostPlan>;
}

/** Both tables have the same entries in the same order; where HTTP is redirected, that of HTTP leads there. */
function planTable(table: HostTable, http: HostTable, planning: Planning): void {
  const form: PathForm = arePrefixes(table.entries, planning.input.tables.rules) ? 'prefix' : 'regex';
  const taken = new Set<string>();
  for (const [index, entry] of table.entries.entries()) {
    const ingress = planning.input.ingressOf(entry.rule);
    if (ingress === undefined) continue;
    const key = JSON.stringify([entry.path, entry.headers]);
    if (taken.has(key)) {
      const message = 'an older Ingress has the same host and path, and takes the requests';
      planning.input.say(ingress).add(aboutEntry(table.hostname, entry), 'not', message);
      continue;
    }
    taken.add(key);
    const isHttpsAlone = http.entries[index]?.rule === HTTPS_RULE.id;
    planEntry({ table, entry, ingress, form, isHttpsAlone }, planning);
  }
}

interface PlannedEntry {
  readonly table: HostTable;
  readonly entry: RouteEntry;
  readonly ingress: Ingress;
  readonly form: PathForm;
  readonly isHttpsAlone: boolean;
}

function planEntry(
  { table: { hostname: host }, entry, ingress, form, isHttpsAlone }: PlannedEntry,
  { input, plans }: Planning,
): void {
  const about = aboutEntry(host, entry);
  const { tables, places } = input;
  const made = ruleOfEntry(entry, tables.rules.get(entry.rule), { places, form });
  for (const { carries, message } of made.findings) input.say(ingress).add(about, carries, message);
  const add = (side: Side, rule: RouteRule): void => {
    const key = JSON.stringify([ingress.namespace, ingress.name, host ?? '', side]);
    const known = plans.get(key);
    if (known === undefined) plans.set(key, { ingress, host, side, rules: [rule] });
    else known.rules.push(rule);
  };
  if (!isHttpsAlone) return add('all', made.rule);
  add('http', { matches: made.rule.matches, filters: [HTTPS_REDIRECT] });
  if (input.httpsOf(host).length > 0) add('https', made.rule);
  else
    input
      .say(ingress)
      .add(about, 'not', `no listener has a certificate for ${host ?? 'every name'}: HTTPS is not served`);
}

function aboutEntry(host: string | undefined, { path, headers }: RouteEntry): string {
  const conditions = headers.map(({ name, value }) => ` with ${name} ${value}`).join('');
  const value = path.type === 'regex' ? path.value.replace(/^\(\?i\)/, '').replace(/\.\*$/, '') : path.value;
  return `${host ?? '*'}${value}${path.type === 'exact' ? ' (exact)' : ''}${conditions}`;
}

function parentsOf({ host, side }: HostPlan, { gateway, httpsOf }: RoutePlanInput): readonly object[] {
  const parent = { namespace: gateway.namespace, name: gateway.name };
  if (side === 'all') return [parent];
  const sections = side === 'http' ? [HTTP_LISTENER] : httpsOf(host);
  return sections.map((sectionName) => ({ ...parent, sectionName }));
}

function chunks<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
