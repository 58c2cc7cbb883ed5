// What must come of a request to the controller of Ingresses: networking.k8s.io/v1 by its text. No TLS of Gateways is in it: HTTP and HTTPS
// are one, and the certificate is asked for by itself.

import type { EndpointSlice } from '../objects/endpoint-slice.ts';
import type { Ingress, IngressBackend, IngressClass, IngressPath } from '../objects/ingress.ts';
import type { Service } from '../objects/service.ts';
import { endpointsOf, isH2c } from './route-backend.ts';
import { forwarded, startOf } from './route-filters.ts';
import { compareRanks, hostOf } from './route-host.ts';
import { compareTexts } from './route-precedence.ts';
import type { HttpOutcome, HttpRequest, Response, RuleAnswer } from './route-objects.ts';
import { matchesPath } from './route-path.ts';

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
  if (!request.path.startsWith('/')) return { kind: 'respond', statuses: [400], headers: [] };
  const [found] = ingressesOf(objects, controllerName)
    .flatMap((it) => candidatesOf(it, request))
    .sort(
      (a, b) =>
        compareRanks(a.rank, b.rank) || compareIngresses(a.ingress, b.ingress) || a.position - b.position,
    );
  // "The handling of requests that do not match any of the rules will be up to the Ingress controller."
  if (found === undefined) return { kind: 'respond', statuses: [404], headers: [] };
  const { namespace, name } = found.ingress;
  return {
    kind: 'rule',
    listener: 'ingress',
    rule: `Ingress ${namespace}/${name} ${found.part}`,
    choices: [{ weight: 1, outcome: outcomeOf(objects, found, request) }],
    timeouts: { requestMs: undefined, backendRequestMs: undefined },
    retry: undefined,
    persistence: undefined,
  };
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

interface Candidate {
  readonly ingress: Ingress;
  readonly part: string;
  readonly backend: IngressBackend;
  readonly rank: readonly number[];
  readonly position: number;
}

/** Paths that match, and the default backend, which comes last for the hosts of the Ingress's rules and for every other host. */
function candidatesOf(ingress: Ingress, { host: authority, path }: HttpRequest): readonly Candidate[] {
  const host = hostOf(authority);
  const rules = ingress.rules.filter((it) => matchesIngressHost(it.host, host));
  const ranks = rules.map((it) => hostRank(it.host));
  const paths = rules.flatMap((rule) =>
    rule.paths
      .filter((it) => matches(it, path))
      .map((it) => ({
        ingress,
        part: `rule ${ingress.rules.indexOf(rule)} path ${rule.paths.indexOf(it)}`,
        backend: it.backend,
        rank: [hostRank(rule.host), 1, ...pathRank(it)],
        position: ingress.rules.indexOf(rule) * 1000 + rule.paths.indexOf(it),
      })),
  );
  const { defaultBackend: backend } = ingress;
  if (backend === undefined) return paths;
  const rank = [Math.max(0, ...ranks), 0];
  return [...paths, { ingress, part: 'default backend', backend, rank, position: 0 }];
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
function matches({ type, path }: IngressPath, asked: string): boolean {
  return matchesPath({ type: type === 'exact' ? 'exact' : 'prefix', value: path === '' ? '/' : path }, asked);
}

/** "Precedence will be given first to the longest matching path. If two paths are still equally matched, to paths with an exact path type." */
function pathRank({ type, path }: IngressPath): readonly number[] {
  return type === 'exact' ? [path.length, 1] : [path.replace(/\/$/, '').length, 0];
}

function outcomeOf(
  { services, endpointSlices }: IngressObjects,
  { ingress, backend }: Candidate,
  request: HttpRequest,
): HttpOutcome {
  const nowhere: Response = { kind: 'respond', statuses: [500, 503], headers: [] };
  if (backend.kind === 'resource') return nowhere;
  const { namespace } = ingress;
  const service = services.find((it) => it.namespace === namespace && it.name === backend.name);
  const port = service?.ports.find(
    (it) => it.protocol === 'TCP' && (it.port === backend.port || it.name === backend.port),
  );
  if (service === undefined || port === undefined || service.type === 'ExternalName') return nowhere;
  const endpoints = endpointsOf({ endpointSlices }, service, port);
  if (endpoints.length === 0) return { kind: 'respond', statuses: [503], headers: [] };
  const protocol = isH2c(port) ? 'h2c' : 'http';
  return {
    kind: 'forward',
    backend: { namespace, service: service.name, port: port.port, protocol, tls: undefined, endpoints },
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
