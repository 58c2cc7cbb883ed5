// The objects of a cluster -> what one Gateway's proxy has to do, and what is to be said of each object. A compiler that is asked again makes anew
// only what has other inputs; what it gives is the same as a new one's, and by identity tells what did not change.

import { tryParseIp } from '../../base/ip.ts';
import type { ProxyCertificate, ProxyModel } from '../../model/gateway.ts';
import type {
  GatewayVerdict,
  ListenerVerdict,
  PolicyVerdict,
  RouteVerdict,
  Verdict,
} from '../../model/gateway-verdict.ts';
import type { Gateway } from '../../objects/gateway-api/gateway.ts';
import type { GrpcRoute } from '../../objects/gateway-api/grpc-route.ts';
import type { HttpRoute } from '../../objects/gateway-api/http-route.ts';
import type { StreamRoute } from '../../objects/gateway-api/stream-route.ts';
import { objectKey } from '../../objects/slim-meta.ts';
import type { ChoosingNode } from '../endpoint-choice.ts';
import type { AttachableListener, Parents } from './attach.ts';
import { BackendEndpoints } from './backend-endpoints.ts';
import { BackendTlsPolicies } from './backend-tls.ts';
import type { BackendInputs, TlsOfPort } from './backends.ts';
import type { GatewayObjects } from './gateway-objects.ts';
import { Grants } from './grants.ts';
import { listenersOf, type GatewayListeners } from './listener-sets.ts';
import { ListenerTables, type ListenerTable } from './listener-tables.ts';
import type { JudgedListener } from './listeners.ts';
import { KnownParts } from './known-parts.ts';
import { isSameList, Memo } from './memo.ts';
import { PartsProducts } from './parts-products.ts';
import { portsOf, udpPortsOf } from './ports.ts';
import { grpcRouteParts, httpRouteParts, streamRouteParts, type RouteParts } from './route-parts.ts';
import { readTelemetry } from './telemetry.ts';
import { no, yes } from './verdicts.ts';

export interface CompiledGateway {
  readonly model: ProxyModel;
  readonly verdict: GatewayVerdict;
}

export interface GatewayPlace {
  /** Of the node that the proxy runs on, for topology. */
  readonly node: ChoosingNode;
}

export class GatewayCompiler {
  readonly #gateway: string;
  readonly #grants = new Memo<Grants>();
  readonly #listeners = new Memo<GatewayListeners>();
  readonly #tls = new Memo<BackendTlsPolicies>();
  readonly #routes = new KnownParts();
  readonly #endpoints = new BackendEndpoints();
  readonly #products = new PartsProducts();
  readonly #tables = new ListenerTables();
  #parents: Parents | undefined;

  /** `gateway` is "namespace/name". */
  constructor(gateway: string) {
    this.#gateway = gateway;
  }

  /** Undefined where there is no such Gateway. */
  compile(objects: GatewayObjects, { node }: GatewayPlace): CompiledGateway | undefined {
    const gateway = objects.gateways.get(this.#gateway);
    if (gateway === undefined) return undefined;
    const grants = this.#grants.get(
      [objects.referenceGrants],
      () => new Grants(objects.referenceGrants.values()),
    );
    const { listenerSets, namespaces, secrets, configMaps } = objects;
    const named = [gateway, grants, listenerSets, namespaces, secrets, configMaps];
    const listeners = this.#listeners.get(named, () => listenersOf(gateway, objects, grants));
    const parents = this.#parentsOf(gateway, listeners, objects);
    const tls = this.#tlsOf(gateway, objects, grants);
    const tlsOf: TlsOfPort = (service, port) => tls.of(service, port);
    const parts = this.#parts(objects, parents, { grants, services: objects.services, tls, tlsOf });
    const { ways, services, rules, verdicts } = this.#products.of(parts);
    const tables = this.#tables.of(parts);
    const ports = { listeners: listeners.all, tables };
    const model = {
      ports: portsOf(ports),
      udpPorts: udpPortsOf(ports),
      rules,
      backends: this.#endpoints.of(ways, objects.endpointSlices, node),
      certificates: new Map([...certificatesOf(listeners.all), ...tls.certificates]),
      authorities: new Map([...authoritiesOfListeners(listeners.all), ...tls.authorities]),
      telemetry: readTelemetry(gateway.telemetry).telemetry,
    };
    const policies = tls.verdicts((service) => services.has(service));
    return {
      model,
      verdict: verdictOf(gateway, listeners, {
        tables,
        routes: verdicts,
        policies,
        clientCertificate: tls.clientCertificateProblem,
      }),
    };
  }

  #tlsOf(gateway: Gateway, objects: GatewayObjects, grants: Grants): BackendTlsPolicies {
    const { backendTlsPolicies, secrets, configMaps } = objects;
    // Without policies nothing of it concerns any route, whatever certificates come and go.
    const named =
      backendTlsPolicies.size === 0 ? [] : [gateway, grants, backendTlsPolicies, secrets, configMaps];
    return this.#tls.get(named, () => new BackendTlsPolicies(gateway, { ...objects, grants }));
  }

  /** The same object while routes would be judged the same: certificates say nothing to them. */
  #parentsOf(gateway: Gateway, { all, asking }: GatewayListeners, { namespaces }: GatewayObjects): Parents {
    const before = this.#parents;
    const asksLabels = all.some(({ listener }) => listener.allowedRoutes.namespaces.from === 'selector');
    const isSame =
      before !== undefined &&
      (!asksLabels || before.namespaces === namespaces) &&
      isSameList([...before.listenerSets], [...asking]) &&
      before.listeners.length === all.length &&
      before.listeners.every((it, index) => isSameToRoutes(it, all[index]));
    if (isSame) return before;
    this.#parents = { gateway: objectKey(gateway), listenerSets: asking, listeners: all, namespaces };
    return this.#parents;
  }

  #parts(objects: GatewayObjects, parents: Parents, inputs: RouteInputs): readonly RouteParts[] {
    const { httpRoutes, grpcRoutes, tlsRoutes, tcpRoutes, udpRoutes } = objects;
    const found: RouteParts[] = [];
    this.#routes.begin([parents, inputs.grants, inputs.tls], inputs.services);
    const collect = <T extends HttpRoute | GrpcRoute | StreamRoute>(
      routes: Iterable<T>,
      make: (route: T, parents: Parents, inputs: BackendInputs) => RouteParts | undefined,
    ): void => {
      const anew = (route: T): RouteParts | undefined => make(route, parents, inputs);
      for (const route of routes) {
        const parts = this.#routes.of(route, anew);
        if (parts !== undefined) found.push(parts);
      }
    };
    collect(httpRoutes.values(), httpRouteParts);
    collect(grpcRoutes.values(), grpcRouteParts);
    collect(oldestFirst(tlsRoutes.values()), streamRouteParts);
    collect(oldestFirst(tcpRoutes.values()), streamRouteParts);
    collect(oldestFirst(udpRoutes.values()), streamRouteParts);
    return found;
  }
}

interface RouteInputs extends BackendInputs {
  /** Another object where `tlsOf` may answer otherwise. */
  readonly tls: BackendTlsPolicies;
}

function isSameToRoutes(a: AttachableListener, b: AttachableListener | undefined): boolean {
  return (
    b !== undefined &&
    a.id === b.id &&
    a.listener === b.listener &&
    isSameList(a.supportedKinds.map(nameOfKind), b.supportedKinds.map(nameOfKind))
  );
}

function nameOfKind({ group, kind }: AttachableListener['supportedKinds'][number]): string {
  return `${kind}.${group}`;
}

function certificatesOf(listeners: readonly JudgedListener[]): ReadonlyMap<string, ProxyCertificate> {
  const served = listeners.filter((it) => it.isServed).flatMap((it) => it.certificates);
  return new Map(served.map((it) => [it.id, it]));
}

function authoritiesOfListeners(listeners: readonly JudgedListener[]): ReadonlyMap<string, string> {
  const served = listeners.filter((it) => it.isServed).flatMap((it) => it.authorities);
  return new Map(served.map(({ id, pem }) => [id, pem]));
}

interface Attached {
  readonly policies: readonly PolicyVerdict[];
  /** What is wrong with the certificate that is shown to backends. */
  readonly clientCertificate: Verdict | undefined;
  readonly tables: ReadonlyMap<string, ListenerTable>;
  readonly routes: readonly RouteVerdict[];
}

function verdictOf(
  { namespace, name, generation, addresses, telemetry }: Gateway,
  { own, sets, acceptance }: GatewayListeners,
  { tables, routes, policies, clientCertificate }: Attached,
): GatewayVerdict {
  const ofListener = (it: JudgedListener): ListenerVerdict => ({
    id: it.id,
    name: it.listener.name,
    supportedKinds: it.supportedKinds,
    attachedRoutes: tables.get(it.id)?.attachedRoutes ?? 0,
    conditions: it.conditions,
    certificates: it.certificates.map(({ id }) => id),
    isServed: it.isServed,
  });
  return {
    namespace,
    name,
    generation,
    conditions: [
      acceptance,
      resolution(own, clientCertificate),
      ...insecurity(own),
      ...limitation(readTelemetry(telemetry).problem),
    ],
    askedAddresses: addresses.flatMap(({ value }) => tryParseIp(value ?? '') ?? []),
    listeners: own.map(ofListener),
    listenerSets: sets.map((it) => ({ ...it, listeners: it.listeners.map(ofListener) })),
    attachedListenerSets: sets.filter((it) => it.conditions.some(({ isTrue }) => isTrue)).length,
    routes,
    policies,
  };
}

function resolution(own: readonly JudgedListener[], clientCertificate: Verdict | undefined): Verdict {
  if (clientCertificate !== undefined) return clientCertificate;
  const unresolved = own.filter(({ conditions }) =>
    conditions.some((it) => it.type === 'ResolvedRefs' && !it.isTrue),
  );
  if (unresolved.length === 0) return yes('ResolvedRefs', 'ResolvedRefs');
  const names = unresolved.map(({ listener }) => listener.name).join(', ');
  return no('ResolvedRefs', 'ListenersNotResolved', `see the conditions of listener ${names}`);
}

function insecurity(own: readonly JudgedListener[]): readonly Verdict[] {
  const open = own.filter((it) => it.clientValidation?.isRequired === false);
  if (open.length === 0) return [];
  const names = open.map(({ listener }) => listener.name).join(', ');
  const message = `clients without a good certificate are let in by listener ${names}`;
  return [yes('InsecureFrontendValidationMode', 'ConfigurationChanged', message)];
}

function limitation(problem: string | undefined): readonly Verdict[] {
  return problem === undefined ? [] : [yes('fairlead.dev/Limited', 'UnsupportedValue', problem)];
}

function oldestFirst(routes: Iterable<StreamRoute>): readonly StreamRoute[] {
  const rank = (it: StreamRoute): string => `${it.createdAt} ${objectKey(it)}`;
  return [...routes].sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
}
