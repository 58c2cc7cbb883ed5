import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ProxyBackend } from '../model/gateway.ts';
import { planSlots, shapeOf, type BackendSlot } from './backend-slots.ts';

const backend = (id: string, words: Partial<ProxyBackend> = {}): ProxyBackend => ({
  id,
  protocol: 'http',
  tls: undefined,
  retry: undefined,
  persistence: undefined,
  endpoints: [],
  ...words,
});
const backends = (...list: readonly ProxyBackend[]) => new Map(list.map((it) => [it.id, it]));
const slotOf = (slots: readonly BackendSlot[], id: string): string | undefined =>
  slots.find((it) => it.backend === id)?.name;

describe('planSlots()', () => {
  test('keeps what is assigned and hands out blank ones without growing', () => {
    const first = planSlots([], backends(backend('a')));
    const second = planSlots(first.slots, backends(backend('a'), backend('b')));
    assert.equal(second.isGrown, false);
    assert.equal(slotOf(second.slots, 'a'), slotOf(first.slots, 'a'));
    assert.notEqual(slotOf(second.slots, 'b'), slotOf(first.slots, 'a'));
  });

  test('does not give away in the same step what has become blank, and afterwards last of all', () => {
    const first = planSlots([], backends(backend('a')));
    const second = planSlots(first.slots, backends(backend('b')));
    const left = slotOf(first.slots, 'a');
    assert.notEqual(slotOf(second.slots, 'b'), left);
    const third = planSlots(second.slots, backends(backend('b'), backend('c')));
    assert.notEqual(slotOf(third.slots, 'c'), left);
  });

  test('grows where there are too few, and where there is none of the shape', () => {
    const first = planSlots([], backends());
    const many = backends(...Array.from({ length: 100 }, (_, i) => backend(`b${i}`)));
    const second = planSlots(first.slots, many);
    assert.ok(first.isGrown && second.isGrown);
    assert.equal(new Set(second.slots.map((it) => it.name)).size, second.slots.length);
    for (const id of many.keys()) assert.notEqual(slotOf(second.slots, id), undefined);
    const retried = backend('r', { retry: { attempts: 2, codes: [500] } });
    assert.ok(planSlots(second.slots, backends(retried)).isGrown);
  });
});

test('shapeOf() says how often and for what is asked again, as far as HAProxy can', () => {
  const shape = (attempts: number, ...codes: readonly number[]) =>
    shapeOf(backend('a', { retry: { attempts, codes } }));
  assert.equal(shape(3, 503, 500, 429, 500), 'http;retry 3 500 503');
  assert.equal(shape(1e9), 'http;retry 20');
  assert.equal(shape(Number.NaN), 'http;retry 1');
  const retry = { attempts: 0, codes: [], isWithoutTimeouts: true, isIdempotentAlone: true };
  assert.equal(shapeOf(backend('a', { retry })), 'http;retry 0 in-time idempotent');
});

test('shapeOf() waits for connections in a few steps', () => {
  const shapes = [1000, 1001, 5000, 9000, 1e9, undefined].map((connectTimeoutMs) =>
    shapeOf(backend('a', { connectTimeoutMs })),
  );
  assert.deepEqual(shapes, [
    'http;connect 1',
    'http;connect 2',
    'http',
    'http;connect 10',
    'http;connect 75',
    'http',
  ]);
});
