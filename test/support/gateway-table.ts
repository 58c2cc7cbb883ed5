// Rows that say what must come of requests to a Gateway, in words: "v1" is the Service that gets it, "404" an answer.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type {
  ClientTls,
  Forward,
  GatewayObjects,
  GatewayRequest,
  HttpOutcome,
  RouteAnswer,
  StreamOutcome,
} from '../../src/oracle/route-objects.ts';
import { route } from '../../src/oracle/route.ts';
import { aWorld } from './gateway-objects.ts';

export interface RouteRow {
  readonly name: string;
  readonly given: Partial<GatewayObjects>;
  /** What `requestOf` reads, and what `saidOf` writes. */
  readonly asked: Readonly<Record<string, string>>;
}

export function testRoutes(title: string, rows: readonly RouteRow[]): void {
  for (const { name, given, asked } of rows)
    test(`route() ${title}: ${name}`, () => {
      const world = aWorld(given);
      const said = Object.keys(asked).map((it) => [it, saidOf(route(world, requestOf(it)))]);
      assert.deepEqual(Object.fromEntries(said), asked);
    });
}

/**
 * "sni=example.org port=8443 POST example.org/path?query | header: value": port 80 without TLS, 443 with it; "sni=-" asks for no name, "client=trusted" shows a certificate, and a host of
 * "-" is none.
 */
export function requestOf(text: string): GatewayRequest {
  const [line = '', ...headers] = text.split(' | ');
  const words = line.split(' ');
  const option = (name: string): string | undefined =>
    words.find((it) => it.startsWith(`${name}=`))?.slice(name.length + 1);
  const [, host = '', path = '', query] = /^([^/?*]+)([^?]*)(?:\?(.*))?$/s.exec(words.at(-1) ?? '') ?? [];
  const serverName = option('sni');
  const certificate = option('client');
  const shown: Pick<ClientTls, 'certificate'> =
    certificate === 'trusted' || certificate === 'untrusted' ? { certificate } : {};
  return {
    gateway: { namespace: 'infra', name: option('gateway') ?? 'gw' },
    transport: words.includes('udp') ? 'UDP' : 'TCP',
    port: Number(option('port') ?? (serverName === undefined ? 80 : 443)),
    tls:
      serverName === undefined
        ? undefined
        : { serverName: serverName === '-' ? undefined : serverName, ...shown },
    method: words.slice(0, -1).find((it) => /^[A-Z]+$/.test(it)) ?? 'GET',
    host: host === '-' ? undefined : host,
    path,
    query,
    headers: headers.map((it) => {
      const at = it.indexOf(':');
      return { name: it.slice(0, at), value: it.slice(at + 1).trim() };
    }),
  };
}

/** An answer in one line: "v1", "90 v1, 10 500", "302 http://example.org/", "grpc 12", "closed no-name". */
export function saidOf(answer: RouteAnswer): string {
  switch (answer.kind) {
    case 'closed':
      return `closed ${answer.because}`;
    case 'rule':
    case 'stream': {
      const [first, ...others] = answer.choices;
      if (first !== undefined && others.length === 0) return outcomeOf(first.outcome);
      return answer.choices.map((it) => `${it.weight} ${outcomeOf(it.outcome)}`).join(', ');
    }
    default:
      return outcomeOf(answer);
  }
}

/** What the only backend of a request gets. */
export function forwardOf(world: GatewayObjects, asked: string): Forward {
  const answer = route(world, requestOf(asked));
  const outcomes = answer.kind === 'rule' ? answer.choices.map((it) => it.outcome) : [];
  const [outcome] = outcomes;
  assert.ok(outcomes.length === 1 && outcome?.kind === 'forward', `${asked}: ${saidOf(answer)}`);
  return outcome;
}

function outcomeOf(outcome: HttpOutcome | StreamOutcome): string {
  switch (outcome.kind) {
    case 'refused':
      return 'refused';
    case 'grpc-status':
      return `grpc ${outcome.code}`;
    case 'respond': {
      const location = outcome.headers.find((it) => it.name === 'location')?.values.join(' or ');
      return [outcome.statuses.join(' or '), location].filter((it) => it !== undefined).join(' ');
    }
    case 'forward': {
      const { namespace, service } = outcome.backend;
      return namespace === 'infra' ? service : `${namespace}/${service}`;
    }
  }
}
