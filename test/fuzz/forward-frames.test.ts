// Frames of port-forward in any order, in both of its forms, on streams that are open, closed or never were: a session that breaks no
// rule of SPDY still forwards, one that does ends, and no connection into the pod outlives either.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import type { SpdyFrame } from '../../src/wire/spdy/frame.ts';
import { eventually } from '../support/eventually.ts';
import { ForwardRig } from '../support/forward-rig.ts';
import { connectPortForward, ForwardedPort } from '../support/port-forward-client.ts';

const rig = new ForwardRig({ pingMs: 100, pairTimeoutMs: 50 });
const { call, connections } = rig;

before(() => rig.open());
after(() => rig.close());

/** Of an open session: 1 to 7 are streams of two connections, the last one never was. */
const streamId = fc.constantFrom(1, 3, 5, 7, 4001);
const octets = fc.uint8Array({ maxLength: 300 }).map((it) => Buffer.from(it));
const frame: fc.Arbitrary<SpdyFrame> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('data' as const),
      streamId,
      bytes: octets,
      isFin: fc.boolean(),
    }),
  },
  fc.record({ kind: fc.constant('rst-stream' as const), streamId, status: fc.nat() }),
  fc.record({ kind: fc.constant('ping' as const), id: fc.nat() }),
  fc.record({
    kind: fc.constant('window-update' as const),
    streamId,
    delta: fc.integer({ min: 1, max: 70_000 }),
  }),
  fc.constant<SpdyFrame>({ kind: 'go-away', lastStreamId: 0, status: 0 }),
);
const headers = fc
  .record(
    {
      streamtype: fc.constantFrom('data', 'error', 'other', ''),
      port: fc.constantFrom('1', '0', '65536', 'http', '80 '),
      requestid: fc.constantFrom('0', '1', '5', '6'),
    },
    { requiredKeys: [] },
  )
  .map((it) => new Map(Object.entries(it)));
const step = fc.oneof({ weight: 3, arbitrary: frame }, headers);

for (const form of ['SPDY', 'WebSocket'] as const) {
  test(`any frames over ${form}: the session still forwards, and nothing is left of it`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        const client = await connectPortForward(form, call);
        const two = [0, 1].map((it) => new ForwardedPort(client, rig.port, it));
        two[0]?.write('some');
        steps.forEach((it, i) => (it instanceof Map ? client.open(`open ${i}`, it) : client.send(it)));
        const last = new ForwardedPort(client, rig.port, 99);
        last.write('still here');
        last.end();
        assert.equal((await last.ended()).toString(), 'still here');
        assert.equal(await last.error(), '');
        client.vanish();
        await eventually(() => connections.size === 0);
      }),
      { numRuns: 40 },
    );
  });

  test(`garbage over ${form} ends the session, not the server`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(octets, { maxLength: 5 }), async (pieces) => {
        const client = await connectPortForward(form, call);
        const one = new ForwardedPort(client, rig.port, 0);
        one.write('some');
        for (const it of pieces) client.socket.write(it);
        // A control frame of version 9.
        client.socket.write(Buffer.from('8009000100000000', 'hex'));
        client.vanish();
        await eventually(() => connections.size === 0);
      }),
      { numRuns: 20 },
    );
  });
}
