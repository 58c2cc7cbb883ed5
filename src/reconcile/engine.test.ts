import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { FakeTarget, type Operation } from '../../test/support/fake-target.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { Engine, part, type EngineTiming } from './engine.ts';
import type { EngineEvent } from './status.ts';

type View = Readonly<Record<string, Readonly<Record<string, string>> | undefined>>;

/** A small repeatable source of randomness (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

interface Harness {
  readonly clock: ManualClock;
  readonly engine: Engine<View>;
  readonly events: EngineEvent[];
  readonly log: Operation[];
  targets: Map<string, FakeTarget>;
  work(): string[];
}

/** An engine over fake targets, running until the test ends. */
function start(t: TestContext, targets: readonly FakeTarget[], timing: Partial<EngineTiming> = {}): Harness {
  const clock = new ManualClock();
  const events: EngineEvent[] = [];
  const log: Operation[] = [];
  const parts = targets.map((target) => {
    // All targets write into one log, so that order across them can be seen.
    target.log.length = 0;
    const shared = Object.assign(target, { log });
    return part<View, string>(shared, (view) => {
      const wanted = view[target.name];
      return wanted === undefined ? undefined : new Map(Object.entries(wanted));
    });
  });
  const report = (event: EngineEvent): void => void events.push(event);
  const engine = new Engine<View>({ parts, clock, random: seeded(7), report, timing });
  const end = new AbortController();
  const running = engine.run(end.signal);
  t.after(async () => {
    end.abort();
    await running;
  });
  const work = (): string[] =>
    log
      .filter((it) => it.verb !== 'observe')
      .map((it) => `${it.target} ${it.verb} ${it.keys.toSorted().join(',')}`);
  return { clock, engine, events, log, targets: new Map(targets.map((it) => [it.name, it])), work };
}

/** What was reported as repaired, with the operations in words. */
function repairs(events: readonly EngineEvent[]): readonly unknown[] {
  return events
    .filter((it) => it.kind === 'repaired')
    .map(({ target, count, lines }) => ({ target, count, lines: lines() }));
}

test('Engine adds in the order of the targets and removes in the reverse one', async (t) => {
  const links = new FakeTarget('links', { entries: { old: '1' } });
  const routes = new FakeTarget('routes', { entries: { old: '1', kept: '1' } });
  const it = start(t, [links, routes]);
  it.engine.submit({ links: { a: '1' }, routes: { kept: '1', b: '1' } }, 1);
  await it.clock.runUntil(() => it.engine.isConverged, 1_000);
  assert.deepEqual(it.work(), ['links update a', 'routes update b', 'routes delete old', 'links delete old']);
});

test('Engine touches nothing of a target whose inputs are not known', async (t) => {
  const routes = new FakeTarget('routes', { entries: { old: '1' } });
  const it = start(t, [routes]);
  it.engine.submit({}, 1);
  await it.clock.advance(300_000);
  assert.deepEqual([it.log, it.engine.isConverged], [[], false]);
  it.engine.submit({ routes: {} }, 2);
  await it.clock.runUntil(() => it.engine.isConverged, 1_000);
  assert.deepEqual(it.work(), ['routes delete old']);
});

test('Engine started anew on a programmed kernel does nothing', async (t) => {
  const routes = new FakeTarget('routes', { entries: { a: '1', b: '2' } });
  const it = start(t, [routes]);
  it.engine.submit({ routes: { a: '1', b: '2' } }, 1);
  await it.clock.runUntil(() => it.engine.isConverged, 1_000);
  await it.clock.advance(600_000);
  assert.deepEqual(it.work(), []);
});

test('Engine makes one pass of a burst, and does not wait for the end of an endless one', async (t) => {
  const routes = new FakeTarget('routes');
  const it = start(t, [routes], { quietMs: 20, holdOffMaxMs: 250, verifyMs: 60_000 });
  for (let i = 1; i <= 5; i++) {
    it.engine.submit({ routes: { a: String(i) } }, i);
    await it.clock.advance(10);
  }
  await it.clock.runUntil(() => it.engine.isConverged, 1_000);
  assert.deepEqual([it.work(), it.engine.status().targets[0]?.convergedRevision], [['routes update a'], 5]);
  for (let i = 6; i <= 56; i++) {
    it.engine.submit({ routes: { a: String(i) } }, i);
    await it.clock.advance(10);
  }
  // 510 ms of changes 10 ms apart: a pass each 250 ms.
  assert.equal(it.work().length, 3);
});

test('Engine repairs at the resync what somebody else changed', async (t) => {
  const routes = new FakeTarget('routes');
  const it = start(t, [routes]);
  it.engine.submit({ routes: { a: '1', b: '1' } }, 1);
  await it.clock.advance(10_000);
  routes.entries.delete('a');
  routes.entries.set('b', '2');
  routes.entries.set('foreign', '1');
  await it.clock.advance(70_000);
  assert.deepEqual(Object.fromEntries(routes.entries), { a: '1', b: '1' });
  assert.deepEqual(repairs(it.events), [
    { target: 'routes', count: 2, lines: ['routes set a=1', 'routes set b=1'] },
    { target: 'routes', count: 1, lines: ['routes drop foreign'] },
  ]);
});

test('Engine waits with the resync for a pause in the changes, but not for ever', async (t) => {
  const routes = Object.assign(new FakeTarget('routes'), { isIsolated: true });
  const it = start(t, [routes]);
  let revision = 0;
  const observed = (): number => it.log.filter(({ verb }) => verb === 'observe').length;
  const changeFor = async (seconds: number): Promise<void> => {
    for (let i = 0; i < 2 * seconds; i++) {
      it.engine.submit({ routes: { a: String(++revision) } }, revision);
      await it.clock.advance(500);
    }
  };
  await changeFor(100);
  assert.equal(observed(), 1, 'at the start');
  await it.clock.advance(1_000);
  assert.equal(observed(), 2, 'in the pause');
  await changeFor(100);
  assert.equal(observed(), 2, 'not before the second one would be due');
  await changeFor(40);
  assert.equal(observed(), 3, 'without a pause');
});

test('Engine reports a repair when it is done, however often it failed, and none of what is left to its own work', async (t) => {
  const routes = new FakeTarget('routes');
  const it = start(t, [routes]);
  it.engine.submit({ routes: { a: '1', b: '1', c: '1' } }, 1);
  await it.clock.advance(10_000);
  routes.isFailing = (verb) => verb === 'update';
  routes.entries.delete('a');
  // Wanted otherwise, refused, half written, and wanted as before: nobody else was here.
  it.engine.submit({ routes: { a: '1', b: '2', c: '1' } }, 2);
  await it.clock.advance(100);
  routes.entries.delete('b');
  it.engine.submit({ routes: { a: '1', b: '1', c: '1' } }, 3);
  await it.clock.advance(130_000);
  assert.deepEqual(repairs(it.events), []);
  routes.isFailing = () => false;
  await it.clock.advance(130_000);
  assert.deepEqual(Object.fromEntries(routes.entries), { a: '1', b: '1', c: '1' });
  assert.deepEqual(repairs(it.events), [{ target: 'routes', count: 1, lines: ['routes set a=1'] }]);
});

test('Engine notices soon that the work of one target undid that of another', async (t) => {
  const links = new FakeTarget('links', { entries: { vx: 'old' } });
  const routes = new FakeTarget('routes', { entries: { r: '1' } });
  const it = start(t, [links, routes], { verifyMs: 2_000 });
  // Making the link anew takes its routes with it, after they were observed.
  const update = links.update.bind(links);
  links.update = (entries) => {
    routes.entries.clear();
    return update(entries);
  };
  it.engine.submit({ links: { vx: 'new' }, routes: { r: '1' } }, 1);
  const tookMs = await it.clock.runUntil(
    () => routes.entries.has('r') && links.entries.get('vx') === 'new',
    5_000,
  );
  assert.ok(tookMs < 3_000, `took ${tookMs} ms`);
});

test('Engine observes anew, in the same pass, what hangs on a target that it changed', async (t) => {
  const links = Object.assign(new FakeTarget('links', { entries: { vx: 'old' } }), { isBase: true });
  const routes = new FakeTarget('routes', { entries: { r: '1' } });
  const it = start(t, [links, routes]);
  it.engine.submit({ links: { vx: 'old' }, routes: { r: '1' } }, 1);
  await it.clock.runUntil(() => it.engine.isConverged, 1_000);
  const update = links.update.bind(links);
  links.update = (entries) => {
    routes.entries.clear();
    return update(entries);
  };
  it.engine.submit({ links: { vx: 'new' }, routes: { r: '1' } }, 2);
  await it.clock.runUntil(() => it.engine.isConverged, 100);
  assert.deepEqual(Object.fromEntries(routes.entries), { r: '1' });
  // It was our own doing.
  assert.deepEqual(repairs(it.events), []);
});

test('Engine retries a failed key alone, later each time, and says so', async (t) => {
  const routes = new FakeTarget('routes', { isFailing: (verb, key) => verb === 'update' && key === 'bad' });
  const it = start(t, [routes]);
  it.engine.submit({ routes: { good: '1', bad: '1' } }, 1);
  await it.clock.advance(60_000);
  assert.deepEqual(
    [it.engine.stateOf('routes', 'good'), it.engine.stateOf('routes', 'bad')],
    ['done', 'error'],
  );
  const tries = it.work().filter((line) => line.includes('bad'));
  assert.ok(tries.length >= 6 && tries.length <= 14, `${tries.length} tries in a minute`);
  assert.equal(it.work().filter((line) => line.includes('good')).length, 1);
  const [failure] = it.engine.status().targets[0]?.failures ?? [];
  assert.deepEqual(
    [failure?.key, failure?.code, failure?.error],
    ['bad', 'kernel', 'Cannot update bad: told so'],
  );
  assert.equal(failure?.attempts, tries.length);
  routes.isFailing = () => false;
  await it.clock.runUntil(() => it.engine.isConverged, 31_000);
});

test('Engine tries a failed key at once when it is wanted otherwise, and not when it is wanted alike', async (t) => {
  const routes = new FakeTarget('routes', { isFailing: (_, key) => key === 'bad' });
  const it = start(t, [routes]);
  it.engine.submit({ routes: { bad: '1' } }, 1);
  await it.clock.advance(60_000);
  const before = it.work().length;
  it.engine.submit({ routes: { bad: '1' } }, 2);
  await it.clock.advance(50);
  assert.equal(it.work().length, before);
  it.engine.submit({ routes: { bad: '2' } }, 3);
  await it.clock.advance(50);
  assert.equal(it.work().length, before + 1);
});

test('Engine bounds the tries to observe a target that cannot be read', async (t) => {
  const routes = new FakeTarget('routes', { isFailing: (verb) => verb === 'observe' });
  const it = start(t, [routes]);
  for (let i = 0; i < 600; i++) {
    it.engine.submit({ routes: { a: String(i) } }, i);
    await it.clock.advance(100);
  }
  assert.ok(it.log.length <= 14, `${it.log.length} tries in a minute`);
  assert.deepEqual(it.work(), []);
});

test('Engine keeps a target as it is whose desired state cannot be computed', async (t) => {
  const clock = new ManualClock();
  const routes = new FakeTarget('routes', { entries: { a: '1' } });
  const parts = [
    part<View, string>(routes, () => {
      throw new Error('defect');
    }),
  ];
  const engine = new Engine<View>({ parts, clock, random: seeded(7), report: () => undefined });
  const end = new AbortController();
  const running = engine.run(end.signal);
  t.after(async () => {
    end.abort();
    await running;
  });
  engine.submit({}, 1);
  await clock.advance(1_000);
  assert.deepEqual([engine.isConverged, engine.status().targets[0]?.failures[0]?.error], [false, 'defect']);
  assert.deepEqual(Object.fromEntries(routes.entries), { a: '1' });
});

test('Engine.plan() prints what has to be executed, in order, and changes nothing', async (t) => {
  const links = new FakeTarget('links', { entries: { old: '1' }, isFailing: (verb) => verb !== 'observe' });
  const routes = new FakeTarget('routes', { entries: { old: '1' }, isFailing: (verb) => verb !== 'observe' });
  const it = start(t, [links, routes]);
  it.engine.submit({ links: { a: '1' }, routes: { b: '2' } }, 1);
  await it.clock.advance(100);
  assert.deepEqual(await it.engine.plan(AbortSignal.timeout(1_000)), [
    'links set a=1',
    'routes set b=2',
    'routes drop old',
    'links drop old',
  ]);
});

for (let seed = 1; seed <= 20; seed++) {
  test(`Engine converges although 10 percent of all operations fail (seed ${seed})`, async (t) => {
    const random = seeded(seed);
    const isFailing = (): boolean => random() < 0.1;
    const targets = ['links', 'routes', 'maps'].map((name) => new FakeTarget(name, { isFailing }));
    const it = start(t, targets);
    let view: View = {};
    for (let revision = 1; revision <= 30; revision++) {
      const states = targets.map(({ name }) => [name, anEntries(random)]);
      view = Object.fromEntries(states) as View;
      it.engine.submit(view, revision);
      await it.clock.advance(random() * 400);
      // Somebody else interferes now and then.
      if (random() < 0.2) targets[1]?.entries.set('k1', 'foreign');
    }
    await it.clock.advance(120_000);
    await it.clock.runUntil(() => it.engine.isConverged, 300_000);
    for (const target of targets) assert.deepEqual(Object.fromEntries(target.entries), view[target.name]);
  });
}

function anEntries(random: () => number): Record<string, string> {
  const keys = Array.from({ length: 12 }, (_, i) => `k${i}`).filter(() => random() < 0.5);
  return Object.fromEntries(keys.map((key) => [key, random() < 0.5 ? '1' : '2']));
}
