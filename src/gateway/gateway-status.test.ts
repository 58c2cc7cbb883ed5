import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gatewayObjects } from '../../test/support/gateway-manifests.ts';
import { parseIp } from '../base/ip.ts';
import { GatewayCompiler } from '../compile/gateway/gateway-compiler.ts';
import type { GatewayObjects } from '../compile/gateway/gateway-objects.ts';
import { GATEWAY_CONTROLLER } from '../objects/gateway-api/common.ts';
import { DueRoutes } from './due-routes.ts';
import { statusWrites, type StatusInputs, type StatusWrite } from './gateway-status.ts';
import { findingsOf, unreached } from './proxy-findings.ts';
import { SeenStatuses } from './seen-status.ts';

const WORLD = `
kind: Gateway
metadata: { namespace: shop, name: public, generation: 2 }
spec:
  gatewayClassName: fairlead
  listeners: [{ name: http, port: 80, protocol: HTTP }]
---
kind: HTTPRoute
metadata: { namespace: shop, name: web, generation: 1 }
spec: { parentRefs: [{ name: public }], rules: [{ backendRefs: [{ name: gone, port: 80 }] }] }
`;

type Condition = Readonly<Record<string, unknown>>;

/** Statuses by "kind name", as the API would have them after each round of writes. */
class Api {
  readonly seen = new SeenStatuses();
  problems: ReadonlyMap<string, string> = new Map();
  isRefusing = false;
  readonly #compiler = new GatewayCompiler('shop/public');
  readonly #routes = new DueRoutes();
  readonly #objects = new Map<string, GatewayObjects>();

  constructor() {
    this.#see('Gateway', 'shop/public', { generation: 2, status: {} });
    this.#see('HTTPRoute', 'shop/web', { generation: 1, status: {} });
  }

  #see(
    kind: string,
    key: string,
    it: { generation: number; status: Readonly<Record<string, unknown>> },
  ): void {
    this.seen.of(kind).set(key, { version: '1', ...it });
  }

  round(more: Partial<StatusInputs> = {}, yaml = WORLD): readonly StatusWrite[] {
    // What did not change is the same object, as in a cluster: nobody looks at it again because of that.
    const objects = this.#objects.get(yaml) ?? gatewayObjects(yaml);
    this.#objects.set(yaml, objects);
    const compiled = this.#compiler.compile(objects, { node: { name: 'n', zone: undefined } });
    assert.ok(compiled);
    const parts = statusWrites({
      verdict: compiled.verdict,
      certificates: compiled.model.certificates,
      findings: findingsOf(compiled.model, this.problems),
      addresses: [parseIp('10.90.0.1')],
      seen: this.seen,
      now: '2026-01-01T00:00:00Z',
      routes: this.#routes,
      ...more,
    });
    const writes = [...parts].flat();
    if (this.isRefusing) return writes;
    for (const { kind, namespace, name, status } of writes) {
      const key = `${namespace}/${name}`;
      const generation = this.seen.of(kind).get(key)?.generation ?? 0;
      this.#see(kind, key, { generation, status });
    }
    return writes;
  }

  condition(kind: string, key: string, type: string): Condition | undefined {
    const status = this.seen.of(kind).get(key)?.status ?? {};
    const parents = status['parents'] as readonly Condition[] | undefined;
    const own = parents?.find((it) => it['controllerName'] === GATEWAY_CONTROLLER) ?? status;
    return (own['conditions'] as readonly Condition[] | undefined)?.find((it) => it['type'] === type);
  }
}

test('what stands is not written again, and keeps its time', () => {
  const api = new Api();
  assert.deepEqual(
    api.round().map((it) => it.kind),
    ['Gateway', 'HTTPRoute'],
  );
  assert.deepEqual(api.round({ now: '2026-01-01T00:00:09Z' }), []);
  assert.equal(api.condition('HTTPRoute', 'shop/web', 'ResolvedRefs')?.['reason'], 'BackendNotFound');
});

test('nothing is programmed before the proxy and the address are there', () => {
  const api = new Api();
  api.round({ addresses: [] });
  assert.equal(api.condition('Gateway', 'shop/public', 'Programmed')?.['reason'], 'AddressNotAssigned');
  assert.deepEqual(api.round({ addresses: [] }), []);
  api.round({ findings: unreached('no proxy yet'), now: '2026-01-01T00:00:01Z' });
  assert.equal(api.condition('Gateway', 'shop/public', 'Programmed')?.['message'], 'no proxy yet');
  assert.equal(api.condition('HTTPRoute', 'shop/web', 'fairlead.dev/Programmed')?.['status'], 'False');
  api.round({ now: '2026-01-01T00:00:02Z' });
  const programmed = api.condition('Gateway', 'shop/public', 'Programmed');
  assert.deepEqual(
    [programmed?.['status'], programmed?.['lastTransitionTime']],
    ['True', '2026-01-01T00:00:02Z'],
  );
});

test('an address that is asked for and cannot be had is said, whatever else the Gateway has', () => {
  const api = new Api();
  const asking = WORLD.replace('  listeners:', '  addresses: [{ value: 203.0.113.9 }]\n  listeners:');
  assert.notEqual(asking, WORLD);
  const [other, wanted] = [parseIp('192.0.2.1'), parseIp('203.0.113.9')];
  api.round({ addresses: [other] }, asking);
  const refused = api.condition('Gateway', 'shop/public', 'Programmed');
  assert.deepEqual([refused?.['status'], refused?.['reason']], ['False', 'AddressNotUsable']);
  api.round({ addresses: [other, wanted] }, asking);
  assert.equal(api.condition('Gateway', 'shop/public', 'Programmed')?.['status'], 'True');
});

test('entries of others stay, our own go when the route names the Gateway no more', () => {
  const api = new Api();
  const foreign = { parentRef: { name: 'public' }, controllerName: 'example.com/other', conditions: [] };
  const sibling = {
    parentRef: { group: 'gateway.networking.k8s.io', kind: 'Gateway', namespace: 'shop', name: 'second' },
    controllerName: GATEWAY_CONTROLLER,
    conditions: [],
  };
  api.seen
    .of('HTTPRoute')
    .set('shop/web', { version: '1', generation: 1, status: { parents: [foreign, sibling] } });
  api.round();
  const parents = (): readonly unknown[] =>
    api.seen.of('HTTPRoute').get('shop/web')?.status['parents'] as unknown[];
  assert.equal(parents().length, 3);
  api.round({}, WORLD.replace('parentRefs: [{ name: public }]', 'parentRefs: [{ name: second }]'));
  assert.deepEqual(parents(), [foreign, sibling]);
});

test('what somebody writes over a status is written again, and what was not taken too', () => {
  const api = new Api();
  const kinds = (): readonly string[] => api.round().map((it) => it.kind);
  api.round();
  assert.deepEqual(kinds(), []);
  api.seen.of('HTTPRoute').set('shop/web', { version: '3', generation: 1, status: {} });
  assert.deepEqual(kinds(), ['HTTPRoute']);
  assert.deepEqual(kinds(), []);
  const [before] = api.seen.of('HTTPRoute').values();
  assert.ok(before);
  api.seen.of('HTTPRoute').set('shop/web', { ...before, status: {} });
  api.isRefusing = true;
  assert.deepEqual([kinds(), kinds()], [['HTTPRoute'], ['HTTPRoute']]);
  api.isRefusing = false;
  assert.deepEqual([kinds(), kinds()], [['HTTPRoute'], []]);
});

test('a status of an older specification is not written', () => {
  const api = new Api();
  api.seen.of('HTTPRoute').set('shop/web', { version: '2', generation: 7, status: {} });
  assert.deepEqual(
    api.round().map((it) => it.kind),
    ['Gateway'],
  );
});

test('what the proxy refuses is said of the listener and the route that ask for it, and of no other', () => {
  const api = new Api();
  api.problems = new Map([
    ['port 80', 'the address is in use'],
    ['HTTPRoute/shop/web/0', 'the expression is refused'],
  ]);
  api.round();
  const status = api.seen.of('Gateway').get('shop/public')?.status ?? {};
  const [listener] = status['listeners'] as { readonly conditions: readonly Condition[] }[];
  const programmed = listener?.conditions.find((it) => it['type'] === 'Programmed');
  assert.deepEqual([programmed?.['status'], programmed?.['message']], ['False', 'the address is in use']);
  const ofRoute = api.condition('HTTPRoute', 'shop/web', 'fairlead.dev/Programmed');
  assert.deepEqual([ofRoute?.['status'], ofRoute?.['message']], ['False', 'the expression is refused']);
  assert.deepEqual(api.round(), []);
  api.problems = new Map([['HTTPRoute/shop/other/0', 'not ours']]);
  api.round();
  assert.equal(api.condition('HTTPRoute', 'shop/web', 'fairlead.dev/Programmed')?.['status'], 'True');
});
