// SCTP packet by packet through the programs themselves: its checksum goes over every byte, of which none but four is read.

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import fc from 'fast-check';
import { Lifetime } from '../../src/base/lifetime.ts';
import { openPacketLab, POD_IPS, readRun, type PacketLab } from '../support/packet-lab.ts';
import * as p from '../support/packets.ts';

const [INIT, DATA] = [1, 0];
const FAMILIES = [
  { name: 'IPv4', pod: POD_IPS[0], vip: '10.96.0.1', at: '10.96.0.1', to: '10.77.0.11', toText: '10.77.0.11', icmp: p.ICMP }, // prettier-ignore
  { name: 'IPv6', pod: POD_IPS[1], vip: 'fd96::1', at: '[fd96::1]', to: 'fd77::11', toText: '[fd77::11]', icmp: p.ICMP6 }, // prettier-ignore
] as const;

const lifetime = new Lifetime('test');
let lab: PacketLab;
let nextPort = 20_000;

before(async () => {
  lab = await openPacketLab(lifetime);
});
after(() => lifetime.close());
beforeEach(() => lab.counted());

for (const f of FAMILIES)
  describe(f.name, () => {
    const ends = (): p.Ends & p.Ports => ({ source: f.pod, destination: f.vip, sourcePort: nextPort++, destinationPort: 80 }); // prettier-ignore
    const packet = (of: p.Ends & p.Ports, over: Partial<Parameters<typeof p.sctp>[0]> = {}): Uint8Array =>
      p.frame({ ...of, protocol: p.SCTP, payload: p.sctp({ ...of, chunk: INIT, ...over }) });
    const send = (
      of: p.Ends & p.Ports,
      over: Partial<Parameters<typeof p.sctp>[0]> = {},
    ): ReturnType<typeof readRun> =>
      // prettier-ignore
      readRun(lab.sends(packet(of, over)));

    test('there and back, whatever is in it, the checksum is right', async () => {
      await lab.program({ [`${f.at}:80/SCTP`]: [`${f.toText}:8080`] });
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 1400, size: 'max' }), (payload) => {
          const asks = ends();
          const there = send(asks, { payload });
          assert.deepEqual(
            [there.verdict, there.destination, there.destinationPort, there.isSound],
            ['ok', f.to, 8080, true],
          );
          const answers = {
            source: f.to,
            destination: f.pod,
            sourcePort: 8080,
            destinationPort: asks.sourcePort,
          };
          const back = readRun(lab.receives(packet(answers, { chunk: 2, payload })));
          assert.deepEqual(
            [back.verdict, back.source, back.sourcePort, back.isSound],
            ['ok', f.vip, 80, true],
          );
        }),
        { numRuns: 200 },
      );
    });

    test('what a card finishes is left to it; what Ethernet has padded is not counted', async () => {
      await lab.program({ [`${f.at}:80/SCTP`]: [`${f.toText}:8080`] });
      const unfinished = send(ends(), { hasChecksum: false });
      assert.equal(unfinished.destinationPort, 8080);
      assert.deepEqual(unfinished.l4.subarray(8, 12), new Uint8Array(4));
      const padded = readRun(lab.sends(p.bytes(packet(ends()), new Uint8Array(20))));
      assert.deepEqual([padded.destinationPort, padded.isSound], [8080, true]);
    });

    test('an association stays with its endpoint, a new one goes where the frontend leads', async () => {
      await lab.program({ [`${f.at}:80/SCTP`]: [`${f.toText}:8080`] });
      const old = ends();
      assert.equal(send(old).destinationPort, 8080);
      await lab.program({ [`${f.at}:80/SCTP`]: [`${f.toText}:9090`] });
      assert.equal(send(old, { chunk: DATA }).destinationPort, 8080);
      assert.equal(send(ends()).destinationPort, 9090);
    });

    test('without endpoints its sender is told at once; frontends differ by protocol', async () => {
      await lab.program({ [`${f.at}:80/SCTP`]: [], [`${f.at}:80/TCP`]: [`${f.toText}:8080`] });
      // As long as an INIT is at least.
      const refused = send(ends(), { payload: new Uint8Array(16) });
      assert.deepEqual([refused.verdict, refused.protocol, refused.isSound], ['redirect', f.icmp, true]);
      assert.deepEqual(lab.counted(), { 'service-no-endpoint': 1 });
    });
  });
