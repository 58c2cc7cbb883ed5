// The Event of a Corefile that is not taken: one for all nodes, said again only when something else is wrong, and not lost with the API.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { FairleadError } from '../base/errors.ts';
import { EVENTS, type Draft } from '../kube/resource.ts';
import type { Event } from '../objects/api-types.ts';
import { corefileEvents, type CorefileEventParts } from './corefile-events.ts';

const TEMPLATE = 'Corefile:3:1: error: template';

/** Agents of one cluster; `failing` requests fail first. */
function aCluster(failing = 0) {
  const events = new Map<string, Draft<Event>>();
  const clock = new ManualClock();
  const end = new AbortController();
  let [requests, left] = [0, failing];
  const create = ((resource: unknown, event: Draft<Event>) => {
    assert.equal(resource, EVENTS);
    requests++;
    const name = event.metadata.name ?? '';
    if (left-- > 0) return Promise.reject(new FairleadError('unavailable', 'away'));
    if (events.has(name)) return Promise.reject(new FairleadError('already-exists', 'there'));
    events.set(name, event);
    return Promise.resolve(event);
  }) as CorefileEventParts['client']['create'];
  const context = {
    clock,
    random: () => 1,
    log: pino({ level: 'silent' }),
    lifetime: { signal: end.signal },
  };
  return {
    clock,
    events,
    requests: () => requests,
    agent: (uid = 'u') => corefileEvents(context, { client: { create }, uid: () => uid }),
  };
}

test('corefileEvents() writes what is wrong and where, about the ConfigMap', async () => {
  const { agent, events, clock } = aCluster();
  agent()(TEMPLATE);
  await clock.advance(0);
  const [event] = events.values();
  assert.equal(event?.type, 'Warning');
  assert.equal(event?.reason, 'CorefileRefused');
  assert.equal(event?.message, `The former Corefile stays in force: ${TEMPLATE}`);
  const { kind, namespace, name, uid } = event?.involvedObject ?? {};
  assert.deepEqual([kind, namespace, name, uid], ['ConfigMap', 'kube-system', 'coredns', 'u']);
});

test('corefileEvents() says the same once, whoever says it, and something else again', async () => {
  const { agent, events, clock, requests } = aCluster();
  const [first, second] = [agent(), agent()];
  for (const say of [first, second, first]) say(TEMPLATE);
  await clock.advance(100_000);
  assert.equal(events.size, 1);
  assert.equal(requests(), 2, 'once of each node');
  first(undefined);
  first('Corefile:4:1: error: dns64');
  await clock.advance(0);
  assert.equal(events.size, 2);
  agent('another')(TEMPLATE);
  await clock.advance(0);
  assert.equal(events.size, 3, 'of another ConfigMap it is said anew');
});

test('corefileEvents() tries again while the API is away, and no more once the Corefile is mended', async () => {
  const { agent, events, clock } = aCluster(2);
  const say = agent();
  say(TEMPLATE);
  await clock.advance(60_000);
  assert.equal(events.size, 1);
  const mended = aCluster(1);
  const sayMended = mended.agent();
  sayMended(TEMPLATE);
  await mended.clock.advance(0);
  sayMended(undefined);
  await mended.clock.advance(600_000);
  assert.deepEqual([mended.events.size, mended.requests()], [0, 1]);
});
