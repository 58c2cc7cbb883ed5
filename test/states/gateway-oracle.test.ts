// What must hold of every answer about a Gateway, whatever its objects are.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { objectKey } from '../../src/objects/slim-meta.ts';
import { explainRoute } from '../../src/oracle/route-explain.ts';
import type { FoundRule } from '../../src/oracle/route-match.ts';
import type { GatewayObjects, RouteAnswer } from '../../src/oracle/route-objects.ts';
import { attachments } from '../../src/oracle/route-status.ts';
import { route } from '../../src/oracle/route.ts';
import { aMatch, anHttpRoute, aRule } from '../support/gateway-objects.ts';
import { saidOf } from '../support/gateway-table.ts';
import { anyGatewayCase } from './arbitrary-gateway-request.ts';

const RUNS = { numRuns: 300 };

/** Every list of objects the other way round. */
function reversed(objects: GatewayObjects): GatewayObjects {
  return {
    ...objects,
    gateways: objects.gateways.toReversed(),
    listenerSets: objects.listenerSets.toReversed(),
    httpRoutes: objects.httpRoutes.toReversed(),
    grpcRoutes: objects.grpcRoutes.toReversed(),
    streamRoutes: objects.streamRoutes.toReversed(),
    grants: objects.grants.toReversed(),
    tlsPolicies: objects.tlsPolicies.toReversed(),
    services: objects.services.toReversed(),
    endpointSlices: objects.endpointSlices.toReversed(),
    namespaces: objects.namespaces.toReversed(),
  };
}

/** What a random answer is about, for the count of what was reached. */
function sortOf(answer: RouteAnswer): string {
  const outcomes = 'choices' in answer ? answer.choices.map((it) => it.outcome) : [];
  const isForwarded = outcomes.some((it) => it.kind === 'forward');
  if (answer.kind === 'stream') return isForwarded ? 'stream' : 'stream, refused';
  if (outcomes.length > 1) return 'several';
  if (answer.kind === 'rule' && isForwarded) return `rule of ${answer.rule.split(' ')[0]}`;
  return saidOf(answer).replace(/^(30[12]).*/, '$1');
}

test('random requests reach every sort of answer', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(anyGatewayCase, ({ objects, request }) => {
      seen.add(sortOf(route(objects, request)));
    }),
    // Of a seed that has them all: some come once in a few hundred.
    { numRuns: 1500, seed: 3 },
  );
  const sorts = [
    '200 or 204',
    '301',
    '302',
    '404',
    '421',
    '500',
    '500 or 502 or 503 or 504',
    '503',
    'closed no-listener',
    'closed no-name',
    'closed no-route',
    'closed not-plain',
    'closed not-tls',
    'grpc 12',
    'grpc 14',
    'rule of GRPCRoute',
    'rule of HTTPRoute',
    'several',
    'stream',
    'stream, refused',
  ];
  assert.deepEqual(
    sorts.filter((it) => !seen.has(it)),
    [],
  );
});

test('route() and attachments() do not depend on the order of objects', () => {
  fc.assert(
    fc.property(anyGatewayCase, ({ objects, request }) => {
      const [gateway] = objects.gateways;
      assert.ok(gateway);
      const other = reversed(objects);
      assert.deepEqual(route(other, request), route(objects, request));
      const byKind = ({ routes, listenerSets, ...rest }: ReturnType<typeof attachments>): unknown => ({
        ...rest,
        routes: new Map(routes.map((it) => [`${it.kind} ${it.namespace}/${it.name}`, it])),
        listenerSets: new Map(listenerSets.map((it) => [`${it.namespace}/${it.name}`, it])),
      });
      assert.deepEqual(byKind(attachments(other, gateway)), byKind(attachments(objects, gateway)));
    }),
    RUNS,
  );
});

test('route() never forwards to another namespace without a grant', () => {
  fc.assert(
    fc.property(anyGatewayCase, ({ objects, request }) => {
      const answer = route({ ...objects, grants: [] }, request);
      if (answer.kind !== 'rule' && answer.kind !== 'stream') return;
      const name = answer.kind === 'rule' ? answer.rule : answer.route;
      const [, from] = /^\w+ ([^/]+)\//.exec(name) ?? [];
      for (const { outcome } of answer.choices)
        if (outcome.kind === 'forward') assert.equal(outcome.backend.namespace, from);
    }),
    RUNS,
  );
});

test('a rule that matches less never takes a request from one that has it', () => {
  fc.assert(
    fc.property(anyGatewayCase, ({ objects, request }) => {
      const before = route(objects, request);
      const last = { ...anHttpRoute('shop/zzz', [aRule(['/'], [])]), createdAt: '2026-12-31T00:00:00Z' };
      const after = route({ ...objects, httpRoutes: [last, ...objects.httpRoutes] }, request);
      if (before.kind === 'rule' || before.kind === 'stream') assert.deepEqual(after, before);
      else
        assert.ok(saidOf(after) === saidOf(before) || (after.kind === 'rule' && after.rule.includes('zzz')));
    }),
    RUNS,
  );
});

test('rules mean the same in one route as in a route for each', () => {
  fc.assert(
    fc.property(anyGatewayCase, ({ objects, request }) => {
      const httpRoutes = objects.httpRoutes.flatMap((it) =>
        it.rules.map((rule, at) => ({ ...it, name: `${it.name}-${at}`, rules: [rule] })),
      );
      const whole = route(objects, request);
      const split = route({ ...objects, httpRoutes }, request);
      if (whole.kind === 'rule' && split.kind === 'rule') {
        const { rule: _, ...rest } = split;
        assert.deepEqual({ ...rest, rule: whole.rule }, whole);
        assert.equal(split.rule.replace(/-(\d+) rule 0$/, ' rule $1'), whole.rule);
      } else assert.deepEqual(split, whole);
    }),
    RUNS,
  );
});

test('case and port of Host decide nothing', () => {
  fc.assert(
    fc.property(anyGatewayCase, ({ objects, request }) => {
      fc.pre(request.host !== undefined);
      const host = request.host?.toUpperCase().replace(/:.*/, '');
      const answers = [host, `${host}:1234`, `${host}.`].map((it) =>
        route(objects, { ...request, host: it }),
      );
      const rules = answers.map((it) => (it.kind === 'rule' ? it.rule : saidOf(it)));
      const before = route(objects, request);
      for (const it of rules) assert.equal(it, before.kind === 'rule' ? before.rule : saidOf(before));
    }),
    RUNS,
  );
});

test('a request over TLS whose Host is the name asked for is never misdirected', () => {
  fc.assert(
    fc.property(anyGatewayCase, ({ objects, request }) => {
      const { tls } = request;
      const host = tls?.serverName;
      if (host === undefined) return;
      assert.notEqual(saidOf(route(objects, { ...request, host })), '421');
    }),
    RUNS,
  );
});

/** The objects without a rule: it stays in its place, and has no request any more. */
function without(objects: GatewayObjects, { of, index }: FoundRule): GatewayObjects {
  const emptied = <Rule extends object>(rules: readonly Rule[], matches: unknown): readonly Rule[] =>
    rules.map((it, at) => (at === index ? { ...it, matches } : it));
  return {
    ...objects,
    httpRoutes: objects.httpRoutes.map((it) =>
      it === of.route ? { ...it, rules: emptied(it.rules, [aMatch('=/nowhere-at-all')]) } : it,
    ),
    grpcRoutes: objects.grpcRoutes.map((it) =>
      it === of.route ? { ...it, rules: emptied(it.rules, [{ method: NO_CALL, headers: [] }]) } : it,
    ),
  };
}

const NO_CALL = { type: 'exact', service: 'nowhere.At', method: 'All' } as const;

test('explainRoute() tells what route() answers, and what would have the request without it', () => {
  let seen = 0;
  fc.assert(
    fc.property(anyGatewayCase, ({ objects, request }) => {
      const { answer, found, near } = explainRoute(objects, request);
      assert.deepEqual(answer, route(objects, request));
      if (found === undefined)
        return assert.ok(near.every((it) => it.because.kind !== 'precedence' || answer.kind === 'stream'));
      const { of, index } = found.found;
      assert.equal(answer.kind === 'rule' && answer.rule, `${of.kind} ${objectKey(of.route)} rule ${index}`);
      const next = route(without(objects, found.found), request);
      const others = near
        .filter((it) => it.because.kind === 'precedence')
        .map((it) => `${it.of.kind} ${objectKey(it.of.route)} rule ${it.rule}`);
      if (others.length === 0) return assert.notEqual(next.kind, 'rule');
      seen++;
      assert.ok(next.kind === 'rule' && others.includes(next.rule), JSON.stringify(others));
    }),
    RUNS,
  );
  assert.ok(seen > 10, `${seen} of the requests are had by several rules`);
});
