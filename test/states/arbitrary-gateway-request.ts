// Random requests to random Gateways that mostly come near one of their routes: chance alone brings the two together too seldom.

import fc from 'fast-check';
import type { NamedMatch } from '../../src/objects/gateway-api/common.ts';
import type { GrpcMatch, GrpcRoute, GrpcRule } from '../../src/objects/gateway-api/grpc-route.ts';
import type { HttpMatch, HttpRoute, HttpRule } from '../../src/objects/gateway-api/http-route.ts';
import { attachedTo } from '../../src/oracle/route-attach.ts';
import { matchesHost } from '../../src/oracle/route-host.ts';
import { servedListeners } from '../../src/oracle/route-listener.ts';
import type { GatewayObjects, GatewayRequest } from '../../src/oracle/route-objects.ts';
import { anyGateway, rarely } from './arbitrary-gateway.ts';

const HOSTS = [
  'a.example.com',
  'b.a.example.com',
  'c.example.com',
  'b.org',
  'example.com',
  'A.Example.com:8080',
];
const PATHS = ['/', '/a', '/a/', '/a/b', '/a/b/c', '/ab', '/b', '/A'];

/** An expression of `EXPRESSIONS`, and a path that it has. */
const EXAMPLES: Readonly<Record<string, string>> = { '/a.*': '/abc', '/[ab]+': '/ab', '/a/(b|c)': '/a/c' };

const PREFLIGHT = [
  { name: 'Origin', value: 'https://a.example.com' },
  { name: 'access-control-request-method', value: 'GET' },
];

const GRPC = { name: 'Content-Type', value: 'application/grpc' };

/** What a request is meant for, by number, and what it has otherwise. */
const aim = fc.record({
  pair: fc.nat(23),
  otherPort: rarely(fc.constantFrom(80, 443, 8080, 9000, 53), 12),
  isOtherTransport: fc.constantFrom(false, false, false, false, false, false, true),
  rule: fc.nat(5),
  match: fc.nat(3),
  host: fc.nat(11),
  suffix: fc.constantFrom('', '', '/', '/c'),
  otherHost: rarely(fc.constantFrom('-', ...HOSTS), 5),
  otherName: rarely(fc.constantFrom('-', ...HOSTS), 5),
  otherPath: rarely(fc.constantFrom(...PATHS), 5),
  otherMethod: rarely(fc.constantFrom('GET', 'POST', 'PUT'), 5),
  otherQuery: rarely(fc.constantFrom('p=1', 'q=2&p=1', 'p=2&p=1', '%70=1', 'p'), 5),
  more: rarely(fc.constantFrom([{ name: 'X', value: '1' }], [{ name: 'y', value: '2' }]), 5),
  isPreflight: fc.constantFrom(false, false, false, false, true),
  isBare: fc.constantFrom(false, false, false, false, true),
});

type Aim = typeof aim extends fc.Arbitrary<infer T> ? T : never;

/** A Gateway, and a request that is mostly meant for one of its routes. */
export const anyGatewayCase: fc.Arbitrary<{
  readonly objects: GatewayObjects;
  readonly request: GatewayRequest;
}> = fc
  .record({ objects: anyGateway, aim })
  .map(({ objects, aim: its }) => ({ objects, request: requestNear(objects, its) }));

function requestNear(objects: GatewayObjects, its: Aim): GatewayRequest {
  const pairs = objects.gateways.flatMap((gateway) =>
    servedListeners(objects, gateway).flatMap((at) =>
      attachedTo(objects, gateway, at).map((of) => ({ at: at.listener, of })),
    ),
  );
  const { at, of } = pick(pairs, its.pair) ?? {};
  const names = of?.route.hostnames ?? [];
  const hosts = HOSTS.map((it) => it.toLowerCase()).filter(
    (it) =>
      matchesHost(at?.hostname, it) && (names.length === 0 || names.some((name) => matchesHost(name, it))),
  );
  const host = its.otherHost ?? pick(hosts, its.host) ?? 'a.example.com';
  const isHttp = of?.kind === 'HTTPRoute' || of?.kind === 'GRPCRoute';
  const asked = isHttp ? requestFor(of.route, its) : aRequest('/');
  const name = (its.otherName ?? host).toLowerCase().replace(/:.*/, '');
  const isTls = at?.protocol === 'HTTPS' || at?.protocol === 'TLS';
  const isUdp = (at?.protocol === 'UDP') !== its.isOtherTransport;
  return {
    gateway: { namespace: 'infra', name: 'gw' },
    transport: isUdp ? 'UDP' : 'TCP',
    port: its.otherPort ?? at?.port ?? 80,
    tls: isTls ? { serverName: name === '-' ? undefined : name } : undefined,
    method: its.isPreflight ? 'OPTIONS' : (its.otherMethod ?? asked.method),
    host: host === '-' ? undefined : host,
    path: its.otherPath ?? asked.path,
    query: its.otherQuery ?? asked.query,
    headers: [
      ...(its.isBare ? [] : asked.headers),
      ...(its.more ?? []),
      ...(its.isPreflight ? PREFLIGHT : []),
    ],
  };
}

function pick<T>(list: readonly T[], at: number): T | undefined {
  return list[at % Math.max(1, list.length)];
}

type Asked = Pick<GatewayRequest, 'method' | 'path' | 'query' | 'headers'>;

function aRequest(asked: string, rest: Partial<Asked> = {}): Asked {
  return { method: 'GET', path: asked, query: undefined, headers: [], ...rest };
}

/** What one match of the route has. */
function requestFor(meant: HttpRoute | GrpcRoute, { rule, match: at, suffix }: Aim): Asked {
  const { matches = [] } = pick<HttpRule | GrpcRule>(meant.rules, rule) ?? {};
  const found = pick<HttpMatch | GrpcMatch>(matches, at);
  if (found === undefined) return aRequest('/');
  if (!('path' in found)) return requestOfCall(found);
  const { type, value } = found.path;
  const path = type === 'prefix' ? `${value.replace(/\/$/, '')}${suffix}` : (EXAMPLES[value] ?? value);
  const query = found.query.map(valueFor).map((it) => `${it.name}=${it.value}`);
  return aRequest(path === '' ? '/' : path, {
    method: found.method ?? 'GET',
    query: query.length === 0 ? undefined : query.join('&'),
    headers: found.headers.map(valueFor),
  });
}

function requestOfCall({ method: wanted, headers }: GrpcMatch): Asked {
  const { service = 'pkg.B', method = 'Put' } = wanted?.type === 'exact' ? wanted : {};
  return aRequest(`/${service}/${method}`, { method: 'POST', headers: [...headers.map(valueFor), GRPC] });
}

/** Of an expression one that it has. */
function valueFor({ type, name, value }: NamedMatch): { readonly name: string; readonly value: string } {
  return { name, value: type === 'exact' ? value : value.replace('[12]', '2') };
}
