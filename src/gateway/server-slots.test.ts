import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseIp } from '../base/ip.ts';
import { parsePort } from '../base/port.ts';
import { firstServers, planServers, type Endpoint, type ServerSlot } from './server-slots.ts';

const endpoint = (n: number): Endpoint => ({ ip: parseIp(`192.0.2.${n}`), port: parsePort(80) });
const never = (): boolean => false;
const readyOf = (servers: readonly ServerSlot[]): readonly string[] =>
  servers.filter((it) => it.isReady).map((it) => `${it.ip} ${it.options}`).sort(); // prettier-ignore

describe('planServers()', () => {
  test('leaves what is there as it is', () => {
    const servers = firstServers([endpoint(1), endpoint(2)], '');
    assert.deepEqual(
      planServers(servers, { endpoints: [endpoint(2), endpoint(1)], options: '' }, never).changes,
      [],
    );
  });

  test('does not lead a busy server elsewhere, nor one that speaks in another way', () => {
    const resting: ServerSlot = { name: 's1', ip: '192.0.2.9', port: 80, isReady: false, options: '' };
    const kinds = (server: ServerSlot, isBusy: boolean): readonly string[] =>
      planServers([server], { endpoints: [endpoint(1)], options: '' }, () => isBusy).changes.map(
        (it) => it.kind,
      );
    assert.deepEqual(kinds(resting, false), ['use']);
    assert.deepEqual(kinds(resting, true), ['add']);
    assert.deepEqual(kinds({ ...resting, options: 'ssl' }, false), ['add']);
    // To where it led before it may lead again.
    assert.deepEqual(kinds({ ...resting, ip: '192.0.2.1' }, true), ['use']);
  });

  test('has the wanted endpoints ready after any way there, each once, and starts before it rests', () => {
    const step = fc.record({
      endpoints: fc.uniqueArray(fc.integer({ min: 1, max: 8 }), { maxLength: 6 }),
      options: fc.constantFrom('', 'ssl'),
      isBusy: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
        let servers = firstServers([], '');
        for (const { endpoints, options, isBusy } of steps) {
          const plan = planServers(servers, { endpoints: endpoints.map(endpoint), options }, () => isBusy);
          servers = plan.servers;
          assert.deepEqual(readyOf(servers), endpoints.map((it) => `192.0.2.${it} ${options}`).sort());
          assert.equal(new Set(servers.map((it) => it.name)).size, servers.length);
          const kinds = plan.changes.map((it) => it.kind);
          assert.ok(
            !kinds.slice(kinds.indexOf('rest')).some((it) => it !== 'rest') || !kinds.includes('rest'),
          );
        }
      }),
    );
  });
});
