// Datagrams in batches, by real sockets: each comes whole and goes back to whom it came from, at once or later.

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { describe, test } from 'node:test';
import { parseIp } from '../base/ip.ts';
import { eventually } from '../../test/support/eventually.ts';
import { serveDatagrams, type DatagramHandlers, type DatagramServer } from './datagrams.ts';
import { MAX_DATAGRAM_BYTES } from './message-batch.ts';
import { bindUdp, setReceiveRoom } from './socket.ts';

/** More than one batch, and more than one turn's. */
const MANY = 600;
const unexpected = (error: Error): never => assert.fail(error);

for (const [family, local] of [
  [4, '127.0.0.1'],
  [6, '::1'],
] as const)
  describe(`datagrams over IPv${family}`, () => {
    /** A server on a free port, and a client that has asked `questions` and gives what came back. */
    async function asked(
      questions: readonly Buffer[],
      onDatagram: (server: DatagramServer, ...it: Parameters<DatagramHandlers['onDatagram']>) => void,
      answer?: DatagramHandlers['answer'],
    ): Promise<readonly Buffer[]> {
      const client = createSocket(family === 4 ? 'udp4' : 'udp6');
      client.bind({ address: local });
      await once(client, 'listening');
      client.setRecvBufferSize(1 << 22);
      const answers: Buffer[] = [];
      client.on('message', (bytes) => answers.push(bytes));
      const probe = createSocket(family === 4 ? 'udp4' : 'udp6').bind({ address: local });
      await once(probe, 'listening');
      const { port } = probe.address();
      await new Promise<void>((resolve) => probe.close(resolve));
      const fd = bindUdp(undefined, { ip: parseIp(local), port });
      setReceiveRoom(fd, 1 << 20);
      const server: DatagramServer = serveDatagrams(fd, family, {
        onDatagram: (bytes, from) => {
          assert.equal(from.ip, local);
          assert.equal(from.port, client.address().port);
          onDatagram(server, bytes, from);
        },
        onError: unexpected,
        ...(answer === undefined ? {} : { answer }),
      });
      try {
        for (const it of questions) client.send(it, port, local);
        await eventually(() => assert.equal(answers.length, questions.length));
      } finally {
        server.close();
        server.close();
        client.close();
      }
      assert.throws(() => readlinkSync(`/proc/self/fd/${fd}`), 'the descriptor is closed');
      return answers;
    }

    const numbered = Array.from({ length: MANY }, (_, i) => Buffer.from(`question ${i}`));
    const sorted = (all: readonly Buffer[]): readonly string[] => all.map(String).sort();

    test('many come and go, each to its sender', async () => {
      const answers = await asked(numbered, (server, bytes, from) => server.send(bytes, from));
      assert.deepEqual(sorted(answers), sorted(numbered));
    });

    test('what is answered later says what was asked, whatever came meanwhile', async () => {
      const answers = await asked(numbered, (server, bytes, from) => {
        // Promises are settled in the same turn, and timers fire in another one.
        void Promise.resolve().then(() => {
          if (bytes.length % 2 === 0) server.send(bytes, from);
          else setTimeout(() => server.send(bytes, from), 5);
        });
      });
      assert.deepEqual(sorted(answers), sorted(numbered));
    });

    test('what is answered at once and what is not come to their senders, each as it was asked', async () => {
      const rooms = new Set<Buffer>();
      const answers = await asked(
        numbered,
        (server, bytes, from) => {
          assert.ok(Number(/\d+/.exec(String(bytes))) % 3 !== 0);
          void Promise.resolve().then(() => server.send(bytes, from));
        },
        (bytes, from, room) => {
          assert.equal(from, local);
          rooms.add(room);
          return Number(/\d+/.exec(String(bytes))) % 3 === 0 ? bytes.copy(room) : 0;
        },
      );
      assert.deepEqual(sorted(answers), sorted(numbered));
      assert.ok(rooms.size > 0 && rooms.size <= 32, 'rooms are used again');
    });

    test('empty ones and the longest ones; longer ones come cut off', async () => {
      const sizes = [0, 1, MAX_DATAGRAM_BYTES, MAX_DATAGRAM_BYTES + 1];
      const answers = await asked(
        sizes.map((bytes) => Buffer.alloc(bytes, 7)),
        (server, bytes, from) => server.send(bytes, from),
      );
      const lengths = answers.map((it) => it.length).sort((a, b) => a - b);
      assert.deepEqual(lengths, [0, 1, MAX_DATAGRAM_BYTES, MAX_DATAGRAM_BYTES]);
    });

    test('an answer that is too long is a mistake of ours', async () => {
      await asked([Buffer.from('x')], (server, bytes, from) => {
        assert.throws(() => server.send(Buffer.alloc(MAX_DATAGRAM_BYTES + 1), from), /4097 octets/);
        server.send(bytes, from);
      });
    });
  });
