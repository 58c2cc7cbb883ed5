// Random Gateways in a real HAProxy: what comes of requests is what the oracle says from the objects, through compile, driver, maps and Lua.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { parseIp } from '../../src/base/ip.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import { parsePort } from '../../src/base/port.ts';
import { GatewayCompiler } from '../../src/compile/gateway/gateway-compiler.ts';
import type { ProxyBackend, ProxyModel } from '../../src/model/gateway.ts';
import { route } from '../../src/oracle/route.ts';
import type {
  ExpectedHeader,
  Forward,
  GatewayObjects,
  GatewayRequest,
  HttpOutcome,
  RouteAnswer,
} from '../../src/oracle/route-objects.ts';
import { anyGatewayCase } from '../states/arbitrary-gateway-request.ts';
import { makeTestPair, tablesOf, type TestPair } from '../support/gateway-tables.ts';
import { openProxyRig, type ProxyRig } from '../support/proxy-rig.ts';

/** Names that random changes of headers speak of. */
const CHANGED = ['x', 'y', 'x-set'];

/** Authorization by gRPC, and a message of nothing, which is a yes. */
const CHECK = '/envoy.service.auth.v3.Authorization/Check';
const NOTHING = Buffer.alloc(5);

interface Seen {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** What the backend was asked; undefined where the proxy answered by itself. */
  readonly asked: Asked | undefined;
}

interface Asked {
  /** "10.0.0.1 3000" */
  readonly endpoint: string;
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
}

describe('a proxy of random Gateways', () => {
  const lifetime = new Lifetime('random gateways');
  const seen = new Set<string>();
  let rig: ProxyRig;
  let pair: TestPair;
  let backends: Backends;

  before(async () => {
    pair = await makeTestPair();
    rig = await openProxyRig(lifetime);
    backends = new Backends(lifetime);
  });
  after(() => lifetime.close());

  test('answers as the oracle says', async () => {
    const property = fc.asyncProperty(anyGatewayCase, async ({ objects, request }) => {
      const answer = route(objects, request);
      if (answer.kind === 'stream' || request.transport === 'UDP') return;
      seen.add(answer.kind);
      await rig.driver.publish(await backends.replaceIn(compiled(objects)));
      const got = await send(rig.address, request).catch((error: unknown) => String(error));
      judge(answer, got, request);
    });
    // The same ones every time: to shrink a case takes minutes of reloads. `npm run fuzz` draws others.
    await fc.assert(property, { numRuns: 25, seed: 8 });
    assert.ok(seen.has('rule') && seen.has('respond'), [...seen].join());
  });

  function compiled(objects: GatewayObjects): ProxyModel {
    const place = { node: { name: 'n', zone: undefined } };
    const found = new GatewayCompiler('infra/gw').compile(tablesOf(objects, pair), place);
    assert.ok(found);
    return found.model;
  }
});

/** Servers in the place of endpoints, one per endpoint and protocol. */
class Backends {
  readonly #lifetime: Lifetime;
  readonly #ports = new Map<string, Promise<number>>();

  constructor(lifetime: Lifetime) {
    this.#lifetime = lifetime;
  }

  /** The same model with endpoints on this machine; what TLS asks of backends is another test's. */
  async replaceIn(model: ProxyModel): Promise<ProxyModel> {
    const backends = new Map<string, ProxyBackend>();
    for (const [id, backend] of model.backends) {
      const endpoints = backend.endpoints.map(async ({ ip, port }) => ({
        ip: parseIp('127.0.0.1'),
        port: parsePort(await this.#portOf(`${ip} ${port}`, backend.protocol)),
      }));
      backends.set(id, {
        ...backend,
        tls: undefined,
        endpoints: await Promise.all(endpoints),
      });
    }
    return { ...model, backends };
  }

  #portOf(endpoint: string, protocol: ProxyBackend['protocol']): Promise<number> {
    const key = `${protocol} ${endpoint}`;
    let found = this.#ports.get(key);
    if (found === undefined) this.#ports.set(key, (found = this.#open(endpoint, protocol)));
    return found;
  }

  async #open(endpoint: string, protocol: ProxyBackend['protocol']): Promise<number> {
    const answer = (
      incoming: Pick<IncomingMessage, 'method' | 'url' | 'headers'>,
      end: (body: string) => void,
    ): void => {
      const { method = '', url = '', headers } = incoming;
      end(JSON.stringify({ endpoint, method, target: url, headers }));
    };
    const server: Server =
      protocol === 'h2c'
        ? createHttp2Server((incoming, response) => {
            if (incoming.url !== CHECK) return answer(incoming, (body) => void response.end(body));
            response.setHeader('content-type', 'application/grpc');
            response.addTrailers({ 'grpc-status': '0' });
            response.end(NOTHING);
          })
        : createServer({ requireHostHeader: false }, (incoming, response) =>
            answer(incoming, (body) => void response.end(body)),
          );
    server.on('connection', (socket) => socket.unref());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.#lifetime.defer(`backend ${endpoint}`, () => void server.close());
    return (server.address() as AddressInfo).port;
  }
}

async function send(address: string, request: GatewayRequest): Promise<Seen> {
  const { port, method, path, query, host, tls } = request;
  // As a list: names of one header that differ in case stay apart.
  const sent = [...(host === undefined ? [] : [{ name: 'Host', value: host }]), ...request.headers];
  const headers = sent.flatMap(({ name, value }) => [name, value]);
  const options = {
    host: address,
    port,
    method,
    path: query === undefined ? path : `${path}?${query}`,
    headers,
    setHost: false,
    agent: false as const,
    timeout: 5_000,
  };
  const outgoing =
    tls === undefined
      ? httpRequest(options)
      : httpsRequest({ ...options, servername: tls.serverName ?? '', rejectUnauthorized: false });
  outgoing.on('timeout', () => outgoing.destroy(new Error('no answer')));
  outgoing.end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks).toString('utf8');
  const asked = body.startsWith('{"endpoint"') ? (JSON.parse(body) as Asked) : undefined;
  return { status: response.statusCode ?? 0, headers: response.headers, asked };
}

function judge(answer: RouteAnswer, got: Seen | string, request: GatewayRequest): void {
  if (answer.kind === 'closed') {
    // Plain HTTP to TLS is told so by some, and so is who named nobody by TLS and speaks to a name.
    assert.ok(
      typeof got === 'string' || [400, 404, 421].includes(got.status),
      `${JSON.stringify(answer)}: ${JSON.stringify(got)}`,
    );
    return;
  }
  if (typeof got === 'string') return assert.fail(`${got} instead of ${JSON.stringify(answer)}`);
  if (answer.kind === 'stream') return;
  const outcomes: readonly HttpOutcome[] =
    answer.kind === 'rule' ? answer.choices.map((it) => it.outcome) : [answer];
  const faults = outcomes.map((it) => faultOf(it, got, request));
  const shown = { answer, got };
  assert.ok(faults.includes(undefined), `${faults.join(' / ')}\n${JSON.stringify(shown, mapAsObject, 1)}`);
}

function mapAsObject(_key: string, value: unknown): unknown {
  return value instanceof Map ? Object.fromEntries(value as Map<string, unknown>) : value;
}

/** Undefined where what came is what was to come. */
function faultOf(outcome: HttpOutcome, got: Seen, request: GatewayRequest): string | undefined {
  switch (outcome.kind) {
    case 'respond':
      if (got.asked !== undefined) return 'a backend was asked';
      if (!outcome.statuses.includes(got.status))
        return `status ${got.status}, not ${outcome.statuses.join()}`;
      return headerFault(outcome.headers, got);
    case 'grpc-status':
      return grpcCodeOf(got) === outcome.code ? undefined : `not gRPC status ${outcome.code}`;
    case 'forward':
      return forwardFault(outcome, got, request);
  }
}

/** What clients take statuses of HTTP for that come without one of gRPC (grpc/grpc doc/http-grpc-status-mapping.md). */
const HTTP_CODES: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  429: 14,
  502: 14,
  503: 14,
  504: 14,
};

function grpcCodeOf({ status, headers }: Seen): number {
  const own = headers['grpc-status'];
  return own === undefined ? (HTTP_CODES[status] ?? 2) : Number(own);
}

function headerFault(expected: readonly ExpectedHeader[], { headers }: Seen): string | undefined {
  const wrong = expected.find(({ name, values }) => !values.includes(String(headers[name])));
  return wrong && `${wrong.name}: ${String(headers[wrong.name])}, not ${wrong.values.join(' or ')}`;
}

function forwardFault(forward: Forward, got: Seen, request: GatewayRequest): string | undefined {
  const { asked, headers } = got;
  if (asked === undefined) return `status ${got.status} without a backend`;
  const { endpoints } = forward.backend;
  if (!endpoints.includes(asked.endpoint)) return `${asked.endpoint} is none of ${endpoints.join()}`;
  const { method, target, host, headers: forwarded } = forward.request;
  if (asked.method !== method) return `method ${asked.method}, not ${method}`;
  if (asked.target !== target) return `target ${asked.target}, not ${target}`;
  const to = asked.headers['host'] ?? asked.headers[':authority'];
  if (host !== undefined && to !== host) return `host ${to}, not ${host}`;
  for (const name of new Set([...CHANGED, ...request.headers.map((it) => it.name.toLowerCase())])) {
    const [is, meant] = [plain(asked.headers[name]), plain(forwarded.get(name))];
    if (is !== meant) return `header ${name}: ${is}, not ${meant}`;
  }
  for (const name of CHANGED) {
    const [is, meant] = [plain(headers[name]), plain(changed(name, forward))];
    if (is !== meant) return `header ${name} of the answer: ${is}, not ${meant}`;
  }
  return headerFault(forward.responseHeaders, got);
}

/** Of a header that the backend itself does not send. */
function changed(name: string, { responseChanges }: Forward): string | undefined {
  let value: string | undefined;
  const isIt = (it: string): boolean => it.toLowerCase() === name;
  for (const { set, add, remove } of responseChanges) {
    for (const it of set) if (isIt(it.name)) value = it.value;
    for (const it of add) if (isIt(it.name)) value = value === undefined ? it.value : `${value},${it.value}`;
    if (remove.some(isIt)) value = undefined;
  }
  return value;
}

function plain(value: string | readonly string[] | undefined): string | undefined {
  return value === undefined ? undefined : String(value).replaceAll(/,\s+/g, ',');
}
