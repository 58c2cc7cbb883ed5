// What must come of a request to the controller of Ingresses: networking.k8s.io/v1 by its text. No TLS of Gateways is in it: HTTP and HTTPS
// are one, and the certificate is asked for by itself.

import type { EndpointSlice } from '../objects/endpoint-slice.ts';
import type { PathMatch } from '../objects/gateway-api/http-route.ts';
import type { Ingress, IngressBackend, IngressClass, IngressPath } from '../objects/ingress.ts';
import type { Service } from '../objects/service.ts';
import { objectKey } from '../objects/slim-meta.ts';
import { endpointsOf, isH2c, type Resolved } from './route-backend.ts';
import { forwarded, startOf } from './route-filters.ts';
import { hostOf } from './route-host.ts';
import type { HttpOutcome, HttpRequest, Response, RuleAnswer } from './route-objects.ts';
import { matchesPath } from './route-path.ts';
import {
  compareBy,
  compareTexts,
  decidingStep,
  stepsOfRoutes,
  type Precedence,
  type Step,
} from './route-precedence.ts';

export interface IngressObjects {
  readonly ingresses: readonly Ingress[];
  readonly ingressClasses: readonly IngressClass[];
  readonly services: readonly Service[];
  readonly endpointSlices: readonly EndpointSlice[];
  /** Secrets whose certificate and key can be used: "namespace/name". */
  readonly certificates: ReadonlySet<string>;
}

/** Of the Ingresses whose class is the controller's. */
export function routeIngress(
  objects: IngressObjects,
  controllerName: string,
  request: HttpRequest,
): Response | RuleAnswer {
  return judgeIngress(objects, controllerName, request).answer;
}

/** An answer, and what it comes of. */
export interface IngressJudgement {
  readonly answer: Response | RuleAnswer;
  /** Every path and default backend, held against the request. */
  readonly tried: readonly TriedPath[];
  /** What has it. */
  readonly found: TriedPath | undefined;
  readonly resolved: Resolved | undefined;
}

export function judgeIngress(
  objects: IngressObjects,
  controllerName: string,
  request: HttpRequest,
): IngressJudgement {
  const nobody = { tried: [], found: undefined, resolved: undefined };
  if (!request.path.startsWith('/')) return { ...nobody, answer: respond(400) };
  const tried = ingressesOf(objects, controllerName).flatMap((it) => triedPaths(it, request));
  const [found] = tried.filter((it) => it.miss === undefined).sort((a, b) => compareBy(STEPS, a, b));
  // "The handling of requests that do not match any of the rules will be up to the Ingress controller."
  if (found === undefined) return { ...nobody, tried, answer: respond(404) };
  const { ingress, part, backend } = found;
  const resolved = resolve(objects, ingress.namespace, backend);
  const answer: RuleAnswer = {
    kind: 'rule',
    listener: 'ingress',
    rule: `Ingress ${objectKey(ingress)} ${part}`,
    choices: [{ weight: 1, outcome: outcomeOf(resolved, request) }],
    timeouts: { requestMs: undefined, backendRequestMs: undefined },
    retry: undefined,
    persistence: undefined,
  };
  return { answer, tried, found, resolved };
}

function respond(...statuses: readonly number[]): Response {
  return { kind: 'respond', statuses, headers: [] };
}

/** By `ingressClassName` or the older annotation; without either those of the default class, the newest of several (as the API server sets it). */
export function ingressesOf(
  { ingresses, ingressClasses }: IngressObjects,
  controllerName: string,
): readonly Ingress[] {
  const [byDefault] = ingressClasses
    .filter((it) => it.isDefault)
    .sort((a, b) => compareTexts(b.createdAt, a.createdAt) || compareTexts(a.name, b.name));
  return ingresses.filter(({ className = byDefault?.name }) =>
    ingressClasses.some((it) => it.name === className && it.controllerName === controllerName),
  );
}

/** The older one, then the first by name. */
function compareIngresses(a: Ingress, b: Ingress): number {
  return (
    compareTexts(a.createdAt, b.createdAt) ||
    compareTexts(`${a.namespace}/${a.name}`, `${b.namespace}/${b.name}`)
  );
}

/** A path of an Ingress, its default backend, or a whole rule whose host is another. */
export interface TriedPath {
  readonly ingress: Ingress;
  /** "rule 0 path 1", "rule 0", "default backend" */
  readonly part: string;
  /** Where it is written: "spec.rules[0].http.paths[1]" */
  readonly field: string;
  readonly backend: IngressBackend;
  readonly rank: readonly number[];
  readonly position: number;
  /** Undefined where it has the request. */
  readonly miss: IngressMiss | undefined;
}

export type IngressMiss =
  { readonly kind: 'host'; readonly host: string } | { readonly kind: 'path'; readonly path: PathMatch };

/** One by one: the host, whether it is a path, its length and its type, and then the Ingresses. */
const STEPS: readonly Step<TriedPath>[] = [
  ...(['hostname', 'default', 'path', 'path'] as const).map((by, at) => ({
    by,
    compare: (a: TriedPath, b: TriedPath) => (b.rank[at] ?? 0) - (a.rank[at] ?? 0),
  })),
  ...stepsOfRoutes<TriedPath>((it) => it.ingress),
  { by: 'position', compare: (a, b) => a.position - b.position },
];

/** Why one goes before another that has the request, too. */
export function pathPrecedenceOf(first: TriedPath, second: TriedPath): Precedence {
  return decidingStep(STEPS, first, second)?.by ?? 'position';
}

/** The default backend comes last for the hosts of the Ingress's rules, and for every other host. */
function triedPaths(ingress: Ingress, { host: authority, path }: HttpRequest): readonly TriedPath[] {
  const host = hostOf(authority);
  const tried = ingress.rules.flatMap((_, at) => triedRule(ingress, at, { host, path }));
  const { defaultBackend: backend } = ingress;
  if (backend === undefined) return tried;
  const ranks = ingress.rules
    .filter((it) => matchesIngressHost(it.host, host))
    .map((it) => hostRank(it.host));
  const rank = [Math.max(0, ...ranks), 0];
  const field = 'spec.defaultBackend';
  return [...tried, { ingress, part: 'default backend', field, backend, rank, position: 0, miss: undefined }];
}

function triedRule(
  ingress: Ingress,
  at: number,
  asked: { readonly host: string | undefined; readonly path: string },
): readonly TriedPath[] {
  const { host, paths } = ingress.rules[at] ?? { host: undefined, paths: [] };
  const isOther = host !== undefined && !matchesIngressHost(host, asked.host);
  // Of a rule for another host no path is tried.
  return paths.slice(0, isOther ? 1 : undefined).map((it, of) => {
    const match = matchOf(it);
    const isIn = matchesPath(match, asked.path);
    const ofHost = isOther ? ({ kind: 'host', host } as const) : undefined;
    return {
      ingress,
      part: isOther ? `rule ${at}` : `rule ${at} path ${of}`,
      field: `spec.rules[${at}]${isOther ? '.host' : `.http.paths[${of}]`}`,
      backend: it.backend,
      rank: [hostRank(host), 1, ...pathRank(it)],
      position: at * 1000 + of,
      miss: ofHost ?? (isIn ? undefined : { kind: 'path', path: match }),
    };
  });
}

/** "If host is a wildcard, then the request matches this rule if the host header equals the suffix (removing the first label) of the wildcard rule." */
export function matchesIngressHost(pattern: string | undefined, host: string | undefined): boolean {
  if (pattern === undefined) return true;
  if (host === undefined) return false;
  if (!pattern.startsWith('*.')) return pattern === host;
  return /^[^.]+\./.test(host) && host.replace(/^[^.]+/, '*') === pattern;
}

/** Exact before wildcard before none. Of one kind no two different ones have a name. */
function hostRank(pattern: string | undefined): number {
  if (pattern === undefined) return 0;
  return pattern.startsWith('*.') ? 1 : 2;
}

/** `ImplementationSpecific` is `Prefix` here. */
function matchOf({ type, path }: IngressPath): PathMatch {
  return { type: type === 'exact' ? 'exact' : 'prefix', value: path === '' ? '/' : path };
}

/** "Precedence will be given first to the longest matching path. If two paths are still equally matched, to paths with an exact path type." */
function pathRank({ type, path }: IngressPath): readonly number[] {
  return type === 'exact' ? [path.length, 1] : [path.replace(/\/$/, '').length, 0];
}

function resolve(
  { services, endpointSlices }: IngressObjects,
  namespace: string,
  backend: IngressBackend,
): Resolved {
  if (backend.kind === 'resource') return { kind: 'invalid', reason: 'InvalidKind' };
  const service = services.find((it) => it.namespace === namespace && it.name === backend.name);
  const port = service?.ports.find(
    (it) => it.protocol === 'TCP' && (it.port === backend.port || it.name === backend.port),
  );
  if (service === undefined || port === undefined || service.type === 'ExternalName')
    return { kind: 'invalid', reason: 'BackendNotFound' };
  const endpoints = endpointsOf({ endpointSlices }, service, port);
  if (endpoints.length === 0) return { kind: 'empty' };
  const protocol = isH2c(port) ? 'h2c' : 'http';
  const to = {
    namespace,
    service: service.name,
    port: port.port,
    protocol,
    tls: undefined,
    endpoints,
  } as const;
  return { kind: 'backend', backend: to };
}

function outcomeOf(resolved: Resolved, request: HttpRequest): HttpOutcome {
  if (resolved.kind === 'empty') return respond(503);
  if (resolved.kind !== 'backend') return respond(500, 503);
  return {
    kind: 'forward',
    backend: resolved.backend,
    request: forwarded(startOf(request), request),
    responseChanges: [],
    responseHeaders: [],
    mirrors: [],
    auth: undefined,
  };
}

/** The Secret whose certificate is shown to who asks for a name by TLS; undefined for the controller's own certificate. */
export function ingressCertificate(
  objects: IngressObjects,
  controllerName: string,
  serverName: string | undefined,
): string | undefined {
  const [found] = ingressesOf(objects, controllerName)
    .flatMap((ingress) =>
      ingress.tls.flatMap(({ hosts, secretName }) => {
        const secret = `${ingress.namespace}/${secretName ?? ''}`;
        if (!objects.certificates.has(secret)) return [];
        // Without hosts it is for those of the rules.
        const names = hosts.length > 0 ? hosts : ingress.rules.flatMap((it) => it.host ?? []);
        return names
          .filter((it) => matchesIngressHost(it, serverName?.toLowerCase()))
          .map((it) => ({ ingress, secret, rank: hostRank(it) }));
      }),
    )
    .sort((a, b) => b.rank - a.rank || compareIngresses(a.ingress, b.ingress));
  return found?.secret;
}
