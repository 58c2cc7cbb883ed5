// What becomes of each share of the requests.

import type { Protocol } from '../../base/port.ts';
import type { BackendRef } from '../../objects/gateway-api/common.ts';
import type { Service, ServicePort } from '../../objects/service.ts';
import { objectKey } from '../../objects/slim-meta.ts';
import { knownEndpoints, type Resolved } from '../../oracle/route-backend.ts';
import type { RouteEnd } from '../../oracle/route-connection.ts';
import type {
  Backend,
  Choice,
  Forward,
  GatewayRequest,
  GrpcStatus,
  HttpOutcome,
  Response,
  StreamOutcome,
} from '../../oracle/route-objects.ts';
import { compareTexts } from '../../oracle/route-precedence.ts';
import type { BackendReport, BackendResult, EndpointReport } from './report.ts';
import type { RouteWorld } from './route-world.ts';
import { backendText } from './words.ts';

interface Shares {
  /** As many as `ends`, in their order. */
  readonly choices: readonly Choice<HttpOutcome | StreamOutcome>[];
  readonly ends: readonly RouteEnd[];
  /** "HTTPRoute", and where it is. */
  readonly from: { readonly kind: string; readonly namespace: string };
}

export function backendReports(
  world: RouteWorld,
  request: GatewayRequest,
  { choices, ends, from }: Shares,
): readonly BackendReport[] {
  const sum = choices.reduce((before, it) => before + it.weight, 0);
  return ends.flatMap(({ ref, resolved }, at) => {
    const choice = choices[at];
    if (choice === undefined) return [];
    const because = reasonOf(world, { ref, resolved, from });
    const result = resultOf(world, choice.outcome, { request, because });
    return [{ backend: backendText(ref), share: choice.weight / sum, result }];
  });
}

function resultOf(
  world: RouteWorld,
  outcome: HttpOutcome | StreamOutcome,
  { request, because }: { readonly request: GatewayRequest; readonly because: string },
): BackendResult {
  if (outcome.kind === 'refused') return { kind: 'answer', answer: 'the connection is refused', because };
  if (outcome.kind !== 'forward') return { kind: 'answer', answer: answerText(outcome), because };
  return {
    kind: 'forward',
    protocol: protocolText(outcome.backend),
    ...('request' in outcome ? changesOf(outcome, request) : { host: undefined, target: undefined }),
    endpoints: endpointsOfBackend(world, outcome.backend),
  };
}

function changesOf(
  { request: forwarded }: Forward,
  { host, path, query }: GatewayRequest,
): { readonly host: string | undefined; readonly target: string | undefined } {
  const target = query === undefined ? path : `${path}?${query}`;
  const isSame = forwarded.host === host && forwarded.target === target;
  return isSame ? { host: undefined, target: undefined } : { host: forwarded.host, target: forwarded.target };
}

/** "404", "500 or 503", "301 to https://shop.example/" */
export function answerText(outcome: Response | GrpcStatus): string {
  if (outcome.kind === 'grpc-status')
    return `gRPC status ${outcome.code}${outcome.code === 12 ? ' (Unimplemented)' : ' (Unavailable)'}`;
  const location = locationOf(outcome);
  return `${outcome.statuses.join(' or ')}${location === undefined ? '' : ` to ${location}`}`;
}

export function locationOf({ headers }: Response): string | undefined {
  return headers.find((it) => it.name === 'location')?.values[0];
}

const PROTOCOLS: Readonly<Record<Backend['protocol'], string>> = {
  http: 'HTTP/1.1',
  h2c: 'HTTP/2',
  tcp: 'TCP',
  udp: 'UDP',
};

function protocolText({ protocol, tls }: Backend): string {
  return tls === undefined
    ? PROTOCOLS[protocol]
    : `${PROTOCOLS[protocol]}, TLS as ${tls.hostname} by BackendTLSPolicy ${tls.policy}`;
}

function endpointsOfBackend(
  { objects, unknownEndpoints }: RouteWorld,
  { namespace, service: name, port, protocol }: Backend,
): readonly EndpointReport[] | undefined {
  if (unknownEndpoints.has(`${namespace}/${name}`)) return undefined;
  const transport = protocol === 'udp' ? 'UDP' : 'TCP';
  const service = objects.services.find((it) => it.namespace === namespace && it.name === name);
  const at = service?.ports.find((it) => it.port === port && it.protocol === transport);
  if (service === undefined || at === undefined) return [];
  return knownEndpoints(objects, service, at)
    .map((it): EndpointReport => ({
      at: it.at,
      state: it.isReady ? 'ready' : it.isLast ? 'ending' : 'not ready',
    }))
    .sort((a, b) => compareByFamily(a.at, b.at));
}

/** IPv4 first. */
function compareByFamily(a: string, b: string): number {
  const [one, other] = [a.includes(':'), b.includes(':')];
  return Number(one) - Number(other) || compareTexts(a, b);
}

/** "10.0.0.1:80", "[fd00::1]:80" */
export function endpointText(at: string): string {
  const [ip = '', port = ''] = at.split(' ');
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}

interface Led {
  readonly ref: BackendRef;
  readonly resolved: Resolved;
  readonly from: Shares['from'];
}

/** Why it leads nowhere; what a filter of the backend answers is the other case. */
function reasonOf(world: RouteWorld, { ref, resolved, from }: Led): string {
  switch (resolved.kind) {
    case 'backend':
      return 'a filter of the backend answers';
    case 'empty':
      return emptyText(world, ref, from);
    case 'untrusted':
      return 'its BackendTLSPolicy names no authority that can be used';
    case 'invalid':
      return `${resolved.reason}: ${invalidText(world, resolved.reason, ref, from)}`;
  }
}

function emptyText({ objects }: RouteWorld, ref: BackendRef, from: Shares['from']): string {
  const service = objects.services.find((it) => objectKey(it) === objectKey(ref));
  const port = portsOf(service, from).find((it) => it.port === ref.port);
  const known = service === undefined || port === undefined ? [] : knownEndpoints(objects, service, port);
  return known.length === 0
    ? 'it has no endpoints'
    : `none of its endpoints is ready: ${known.map((it) => endpointText(it.at)).join(', ')}`;
}

function invalidText(
  { objects, isLive }: RouteWorld,
  reason: string,
  ref: BackendRef,
  from: Shares['from'],
): string {
  if (reason === 'InvalidKind') return 'it is no Service';
  if (reason === 'RefNotPermitted')
    return `no ReferenceGrant of namespace ${ref.namespace} lets ${from.kind}s of namespace ${from.namespace} name it`;
  const service = objects.services.find((it) => objectKey(it) === objectKey(ref));
  if (service === undefined) return isLive ? 'there is no such Service' : 'no manifest has that Service';
  if (service.type === 'ExternalName') return 'a Service of type ExternalName is no backend';
  const ports = portsOf(service, from);
  const port = ports.find((it) => it.port === ref.port);
  return port === undefined
    ? `the Service has no port ${ref.port ?? 'without a number'} of ${transportOf(from)}, but ${ports.map((it) => it.port).join(', ')}`
    : `appProtocol ${port.appProtocol ?? ''} needs a BackendTLSPolicy, or is not spoken here`;
}

function transportOf({ kind }: Shares['from']): Protocol {
  return kind === 'UDPRoute' ? 'UDP' : 'TCP';
}

function portsOf(service: Service | undefined, from: Shares['from']): readonly ServicePort[] {
  return (service?.ports ?? []).filter((it) => it.protocol === transportOf(from));
}
