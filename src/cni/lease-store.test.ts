import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { cidrHasIp, parseCidr, type Cidr } from '../base/cidr.ts';
import type { Clock } from '../base/clock.ts';
import { hasCode } from '../base/errors.ts';
import type { Ip } from '../base/ip.ts';
import { LeaseStore, type LeaseOwner } from './lease-store.ts';

const REST_MS = 30_000;
const LEAST_REST_MS = 5_000;
const V4 = parseCidr('10.244.1.0/29');
const V6 = parseCidr('fd00:10:244:1::/125');

class ManualClock implements Clock {
  now = 1_000_000;
  nowMs(): number {
    return this.now;
  }
  monotonicMs(): number {
    return this.now;
  }
  sleep(): Promise<void> {
    return Promise.resolve();
  }
}

function owner(containerId: string): LeaseOwner {
  return { containerId, ifname: 'eth0', network: 'n', netns: '/run/netns/x', pod: undefined };
}

function openStore(file: string, clock: Clock, boot = 'boot-1'): LeaseStore {
  return new LeaseStore({ file, clock, boot, restMs: REST_MS, leastRestMs: LEAST_REST_MS });
}

function withStore(
  run: (store: LeaseStore, clock: ManualClock) => void,
  prefixes: readonly Cidr[] = [V4, V6],
): void {
  const clock = new ManualClock();
  const store = openStore(':memory:', clock);
  try {
    store.setPrefixes(prefixes);
    run(store, clock);
  } finally {
    store.close();
  }
}

test('acquire() gives one address per family, without the first and the last of IPv4', () => {
  withStore((store) => {
    const ips = ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => store.acquire(owner(id)).ips);
    assert.deepEqual(ips[0], ['10.244.1.1', 'fd00:10:244:1::1']);
    assert.deepEqual(ips.at(-1), ['10.244.1.6', 'fd00:10:244:1::6']);
    assert.throws(
      () => store.acquire(owner('g')),
      (error) =>
        hasCode(error, 'exhausted') &&
        error.details['pool'] === V4 &&
        error.details['used'] === 6 &&
        error.details['free'] === 0 &&
        error.details['resting'] === 0,
    );
    assert.equal(store.get(owner('g')), undefined);
  });
});

test('acquire() of a known attachment gives the same addresses again', () => {
  withStore((store) => {
    assert.deepEqual(store.acquire(owner('a')).ips, store.acquire(owner('a')).ips);
    assert.equal(store.list().length, 1);
  });
});

test('when one family is full nothing of the other is taken', () => {
  withStore(
    (store) => {
      for (const id of ['a', 'b']) store.acquire(owner(id));
      assert.throws(() => store.acquire(owner('c')), /pool 10.244.9.0\/30 has none left/);
      assert.deepEqual(
        store.usage().map((it) => it.used),
        [2, 2],
      );
    },
    [V6, parseCidr('10.244.9.0/30')],
  );
});

test('a released address rests, the one that rested longest comes first, and a short rest serves when nothing else is left', () => {
  withStore((store, clock) => {
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) store.acquire(owner(id));
    store.release(owner('b'), { wasUsed: true });
    clock.now += 1000;
    store.release(owner('a'), { wasUsed: true });
    assert.throws(() => store.acquire(owner('g')), /2 resting after release/);
    assert.equal(store.hasRoom(), false);
    clock.now += LEAST_REST_MS;
    assert.equal(store.hasRoom(), true);
    assert.equal(store.acquire(owner('g')).ips[0], '10.244.1.2');
    assert.equal(store.acquire(owner('h')).ips[0], '10.244.1.1');
  });
});

test('an address that was on no interface needs no rest', () => {
  withStore((store) => {
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) store.acquire(owner(id));
    store.release(owner('c'), { wasUsed: false });
    assert.equal(store.acquire(owner('g')).ips[0], '10.244.1.3');
  });
});

test('leases of another boot are dropped when the file is opened, and their addresses are free', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 't-cni-leases-'));
  try {
    const clock = new ManualClock();
    const first = openStore(`${folder}/l.db`, clock);
    first.setPrefixes([V4]);
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) first.acquire(owner(id));
    first.close();
    const same = openStore(`${folder}/l.db`, clock);
    assert.equal(same.list().length, 6);
    same.close();
    const later = openStore(`${folder}/l.db`, clock, 'boot-2');
    later.setPrefixes([V4]);
    assert.equal(later.list().length, 0);
    assert.ok(later.acquire(owner('z')).ips.length === 1);
    later.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a second process cannot open the file', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 't-cni-leases-'));
  try {
    const first = openStore(`${folder}/l.db`, new ManualClock());
    assert.throws(
      () => openStore(`${folder}/l.db`, new ManualClock()),
      (error) => hasCode(error, 'unavailable'),
    );
    first.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('adopt() takes addresses that nobody holds, and they are not given out again', () => {
  withStore((store) => {
    const held = store.acquire(owner('a')).ips;
    assert.equal(store.adopt(owner('b'), held), false);
    assert.equal(store.adopt(owner('b'), ['10.244.1.2' as Ip, 'fd00:10:244:1::2' as Ip]), true);
    assert.deepEqual(store.acquire(owner('c')).ips, ['10.244.1.3', 'fd00:10:244:1::3']);
    assert.deepEqual(store.get(owner('b'))?.ips, ['10.244.1.2', 'fd00:10:244:1::2']);
  });
});

test('an address adopted before the prefix is known is counted in it later, and comes back after its release', () => {
  withStore((store, clock) => {
    assert.equal(store.adopt(owner('a'), ['10.244.1.1' as Ip]), true);
    store.setPrefixes([V4]);
    assert.equal(store.usage()[0]?.used, 1);
    for (const id of ['b', 'c', 'd', 'e', 'f']) store.acquire(owner(id));
    store.release(owner('a'), { wasUsed: true });
    clock.now += REST_MS;
    assert.deepEqual(store.acquire(owner('g')).ips, ['10.244.1.1']);
  }, []);
});

test('without a prefix: unavailable', () => {
  withStore((store) => {
    assert.throws(
      () => store.acquire(owner('a')),
      (error) => hasCode(error, 'unavailable'),
    );
    assert.equal(store.hasRoom(), false);
  }, []);
});

// The model: who holds what, and when each address was released. Everything else is the store's own business.
interface Model {
  readonly held: Map<string, readonly Ip[]>;
  readonly releasedMs: Map<Ip, number>;
  prefixes: readonly Cidr[];
}

type Step =
  | { readonly kind: 'acquire' | 'release' | 'fail'; readonly id: string }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'prefixes'; readonly prefixes: readonly Cidr[] }
  | { readonly kind: 'reopen' };

const OTHER = parseCidr('10.244.2.0/30');
const ids = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j');
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('acquire' as const), id: ids }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('release' as const), id: ids }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('fail' as const), id: ids }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 40_000 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('prefixes' as const),
      prefixes: fc.constantFrom([V4, V6], [OTHER, V6]),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'reopen' as const }) },
);

function check(store: LeaseStore, model: Model, nowMs: number): void {
  const actual = new Map(store.list().map((lease) => [lease.containerId, lease.ips]));
  assert.deepEqual(actual, model.held, 'the leases are those of the model');
  const all = [...actual.values()].flat();
  assert.equal(new Set(all).size, all.length, 'no address is held twice');
  for (const { prefix, size, used, resting, free } of store.usage()) {
    assert.equal(used, all.filter((ip) => cidrHasIp(prefix, ip)).length);
    assert.equal(used + resting + free, size, `${prefix} at ${nowMs}`);
  }
}

function acquire(store: LeaseStore, model: Model, id: string, nowMs: number): void {
  const before = model.held.get(id);
  const room = store.hasRoom();
  let ips: readonly Ip[];
  try {
    ips = store.acquire(owner(id)).ips;
  } catch (error) {
    assert.ok(hasCode(error, 'exhausted'), String(error));
    assert.equal(room, false, 'refused although there was room');
    return;
  }
  if (before !== undefined) return assert.deepEqual(ips, before);
  assert.equal(room, true, 'given although there was no room');
  for (const [i, ip] of ips.entries()) {
    const prefix = model.prefixes[i];
    assert.ok(prefix !== undefined && cidrHasIp(prefix, ip), `${ip} is of prefix ${i}`);
    const restedMs = nowMs - (model.releasedMs.get(ip) ?? 0);
    assert.ok(restedMs >= LEAST_REST_MS, `${ip} rested only ${restedMs} ms`);
    model.releasedMs.delete(ip);
  }
  model.held.set(id, ips);
}

function release(model: Model, id: string, releasedMs: number): void {
  for (const ip of model.held.get(id) ?? []) {
    if (model.prefixes.some((prefix) => cidrHasIp(prefix, ip))) model.releasedMs.set(ip, releasedMs);
  }
  model.held.delete(id);
}

function take(
  it: Exclude<Step, { kind: 'reopen' }>,
  store: LeaseStore,
  { model, clock }: { readonly model: Model; readonly clock: ManualClock },
): void {
  switch (it.kind) {
    case 'acquire':
      return acquire(store, model, it.id, clock.now);
    case 'release':
    case 'fail': {
      const wasUsed = it.kind === 'release';
      assert.equal(store.release(owner(it.id), { wasUsed }), model.held.has(it.id));
      return release(model, it.id, wasUsed ? clock.now : 0);
    }
    case 'wait':
      clock.now += it.ms;
      return;
    case 'prefixes':
      store.setPrefixes(it.prefixes);
      model.prefixes = it.prefixes;
      for (const ip of model.releasedMs.keys()) {
        if (!it.prefixes.some((prefix) => cidrHasIp(prefix, ip))) model.releasedMs.delete(ip);
      }
  }
}

test('leases agree with a simple model under random steps, reopened at any of them', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 't-cni-leases-'));
  let files = 0;
  try {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
        const file = `${folder}/${++files}.db`;
        const clock = new ManualClock();
        const model: Model = { held: new Map(), releasedMs: new Map(), prefixes: [V4, V6] };
        let store = openStore(file, clock);
        store.setPrefixes(model.prefixes);
        try {
          for (const it of steps) {
            if (it.kind === 'reopen') {
              store.close();
              store = openStore(file, clock);
              store.setPrefixes(model.prefixes);
            } else {
              take(it, store, { model, clock });
            }
            check(store, model, clock.now);
          }
        } finally {
          store.close();
        }
      }),
      { numRuns: 150 },
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
