// Random Gateways: what compile makes of them is what the oracle says from the objects, for requests and for statuses; and a compiler that has seen other
// states before makes the same as a new one.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import fc from 'fast-check';
import { GatewayCompiler, type CompiledGateway } from '../../src/compile/gateway/gateway-compiler.ts';
import type { ProxyModel, WeightedBackend } from '../../src/model/gateway.ts';
import type { ListenerVerdict, Verdict } from '../../src/model/gateway-verdict.ts';
import { route } from '../../src/oracle/route.ts';
import { isGrpc } from '../../src/oracle/route-grpc.ts';
import type {
  Backend,
  GatewayObjects,
  GatewayRequest,
  HttpOutcome,
  RouteAnswer,
  StreamOutcome,
} from '../../src/oracle/route-objects.ts';
import { attachments, type ExpectedCondition, type ListenerStatus } from '../../src/oracle/route-status.ts';
import { comparable } from '../support/comparable-gateway.ts';
import { makeTestPair, tablesOf, type TestPair } from '../support/gateway-tables.ts';
import { modelAnswer, type ModelAnswer } from '../support/model-answer.ts';
import { anyGateway } from './arbitrary-gateway.ts';
import { anyGatewayCase } from './arbitrary-gateway-request.ts';

let pair: TestPair;
before(async () => {
  pair = await makeTestPair();
});

function compile(objects: GatewayObjects, compiler = new GatewayCompiler('infra/gw')): CompiledGateway {
  const compiled = compiler.compile(tablesOf(objects, pair), { node: { name: 'n', zone: undefined } });
  assert.ok(compiled);
  return compiled;
}

test('requests meet what the oracle says', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(anyGatewayCase, ({ objects, request }) => {
      const answer = route(objects, request);
      seen.add(answer.kind === 'stream' ? `${answer.kind} of ${request.transport}` : answer.kind);
      const { model } = compile(objects);
      const [said, meant] = [ofModel(model, request), ofOracle(answer)];
      // What the rule's own filters answer is the proxy's affair: here it is enough that it is that rule.
      if (!isItself(said)) assert.deepEqual(said, meant);
      else assert.deepEqual(said[0], (meant as readonly unknown[])[0]);
    }),
    { numRuns: 300 },
  );
  for (const it of ['rule', 'respond', 'stream of TCP', 'stream of UDP', 'closed'])
    assert.ok(seen.has(it), it);
});

test('statuses say what the oracle says', () => {
  fc.assert(
    fc.property(anyGateway, (objects) => {
      const [gateway] = objects.gateways;
      assert.ok(gateway);
      const expected = attachments(objects, gateway);
      const { verdict } = compile(objects);
      assertConditions(verdict.conditions, expected.conditions, 'the Gateway');
      assertListeners(verdict.listeners, expected.listeners);
      for (const { namespace, name, conditions, listeners } of expected.listenerSets) {
        const set = verdict.listenerSets.find((it) => it.namespace === namespace && it.name === name);
        assertConditions(set?.conditions ?? [], conditions, `ListenerSet ${name}`);
        if (listeners !== undefined) assertListeners(set?.listeners ?? [], listeners);
      }
      for (const { kind, namespace, name, parents } of expected.routes) {
        const found = verdict.routes.find(
          (it) => it.kind === kind && it.namespace === namespace && it.name === name,
        );
        for (const [at, { conditions }] of parents.entries())
          assertConditions(found?.parents[at]?.conditions ?? [], conditions, `${kind} ${namespace}/${name}`);
      }
      assert.equal(verdict.routes.length, expected.routes.filter((it) => it.parents.length > 0).length);
      assert.equal(verdict.attachedListenerSets, expected.attachedListenerSets);
    }),
    { numRuns: 200 },
  );
});

test('a compiler that has seen other states makes what a new one makes', () => {
  fc.assert(
    fc.property(fc.array(anyGateway, { minLength: 2, maxLength: 4 }), (states) => {
      const compiler = new GatewayCompiler('infra/gw');
      for (const objects of stepByStep(states))
        assert.deepEqual(comparable(compile(objects, compiler)), comparable(compile(objects)));
    }),
    { numRuns: 25 },
  );
});

/** One kind after the other: objects of all other kinds are the same ones as before, which is what a compiler goes by. */
function stepByStep([first, ...others]: readonly GatewayObjects[]): readonly GatewayObjects[] {
  let now = first;
  if (now === undefined) return [];
  const steps = [now];
  for (const next of others)
    for (const kind of Object.keys(next) as (keyof GatewayObjects)[]) {
      if (kind === 'gateways') continue;
      now = { ...now, [kind]: next[kind] };
      steps.push(now);
    }
  return steps;
}

function isItself(said: unknown): said is readonly unknown[] {
  return Array.isArray(said) && JSON.stringify(said[1]).includes('itself');
}

function ofModel(model: ProxyModel, request: GatewayRequest): unknown {
  const answer = modelAnswer(model, request);
  switch (answer.kind) {
    case 'closed':
      return 'closed';
    case 'respond':
      return answer.status === 404 && isGrpc(request) ? 'respond grpc 12' : `respond ${answer.status}`;
    case 'stream':
      return [
        `stream ${answer.listener} ${answer.target.id}`,
        choices(model, answer.target.backends).map((it) => it.replace(/50[03]$/, 'refused')),
      ];
    case 'rule':
      return [
        `rule ${answer.listener} ${answer.rule}`,
        answersItself(model, answer) ?? ofRule(model, answer),
      ];
  }
}

/** Clients of gRPC are told that it is unavailable. */
function ofRule(
  model: ProxyModel,
  { rule, backends }: Extract<ModelAnswer, { kind: 'rule' }>,
): readonly string[] {
  const all = choices(model, backends);
  return model.rules.get(rule)?.isGrpc === true ? all.map((it) => it.replace(/ 50[03]$/, ' grpc 14')) : all;
}

/** Rules whose own filters answer are compared in the proxy itself: the model only says which filters there are. */
function answersItself(
  model: ProxyModel,
  { rule }: Extract<ModelAnswer, { kind: 'rule' }>,
): string | undefined {
  const filters = model.rules.get(rule)?.filters ?? [];
  return filters.some(({ kind }) => ['redirect', 'cors', 'external-auth'].includes(kind))
    ? 'itself'
    : undefined;
}

function choices(model: ProxyModel, all: readonly WeightedBackend[]): readonly string[] {
  const chosen = all.filter(({ weight }) => weight > 0);
  if (chosen.length === 0) return ['1 500'];
  return chosen.map(
    (it) => `${it.weight} ${it.filters.some(({ kind }) => kind === 'cors') ? 'itself' : ending(model, it)}`,
  );
}

function ending(model: ProxyModel, { backend: id }: WeightedBackend): string {
  const backend = id === undefined ? undefined : model.backends.get(id);
  if (backend === undefined) return '500';
  if (backend.endpoints.length === 0) return '503';
  const endpoints = backend.endpoints.map(({ ip, port }) => `${ip} ${port}`).sort();
  return `${backend.protocol} ${backend.tls?.hostname ?? ''} ${endpoints.join()}`;
}

function ofOracle(answer: RouteAnswer): unknown {
  switch (answer.kind) {
    case 'closed':
      return 'closed';
    case 'respond':
      return `respond ${answer.statuses.join('|')}`;
    case 'grpc-status':
      return `respond grpc ${answer.code}`;
    case 'stream': {
      const all = answer.choices.map((it) => `${it.weight} ${ofStream(it.outcome)}`);
      return [`stream ${answer.listener} ${answer.route.replace(' ', '/')}/0`, all];
    }
    case 'rule': {
      const rule = answer.rule.replace(' rule ', '/').replace(' ', '/');
      const all = answer.choices.map((it) => `${it.weight} ${ofHttp(it.outcome)}`);
      // Without an authority to ask nothing is chosen.
      return [`rule ${answer.listener} ${rule}`, isRefused(answer.choices) ? ['1 500'] : all];
    }
  }
}

/** What a rule's authority may say, or who stands in for one that is not there. */
function isRefused(all: readonly { readonly outcome: HttpOutcome }[]): boolean {
  return all.some(({ outcome }) => outcome.kind === 'respond' && outcome.statuses.includes(403));
}

function ofStream(outcome: StreamOutcome): string {
  return outcome.kind === 'refused' ? 'refused' : ofBackend(outcome.backend);
}

function ofHttp(outcome: HttpOutcome): string {
  if (outcome.kind === 'forward') return ofBackend(outcome.backend);
  return outcome.kind === 'respond' ? oneOf(outcome.statuses) : `grpc ${outcome.code}`;
}

/** 503 is what the proxy answers where it may choose. */
function oneOf(statuses: readonly number[]): string {
  return String(statuses.includes(503) ? 503 : statuses[0]);
}

function ofBackend({ protocol, tls, endpoints }: Backend): string {
  return `${protocol} ${tls?.hostname ?? ''} ${endpoints.join()}`;
}

function assertListeners(actual: readonly ListenerVerdict[], expected: readonly ListenerStatus[]): void {
  assert.deepEqual(
    actual.map((it) => [it.name, it.attachedRoutes, it.supportedKinds.map(({ kind }) => kind)]),
    expected.map((it) => [it.name, it.attachedRoutes, it.supportedKinds.map(({ kind }) => kind)]),
  );
  for (const [at, { conditions, name }] of expected.entries())
    assertConditions(actual[at]?.conditions ?? [], conditions, name);
}

function assertConditions(
  actual: readonly Verdict[],
  expected: readonly ExpectedCondition[],
  of: string,
): void {
  for (const { type, isTrue, reasons } of expected) {
    const found = actual.find((it) => it.type === type);
    const said = found === undefined ? 'absent' : `${found.isTrue} ${found.reason}`;
    if (isTrue !== 'either') assert.equal(found?.isTrue ?? false, isTrue, `${of} ${type}: ${said}`);
    if (reasons.length > 0 && isTrue === false && type !== 'Conflicted')
      assert.ok(reasons.includes(found?.reason ?? ''), `${of} ${type}: ${said}, not ${reasons.join(' or ')}`);
  }
}
