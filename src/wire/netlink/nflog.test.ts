import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeLoggedPacket } from './nflog.ts';
import { readMessages } from './reader.ts';
import { MessageWriter } from './writer.ts';

const NFNL_SUBSYS_ULOG = 4;
const NFULA_PAYLOAD = 9;

test('decodeLoggedPacket() copies the packet: the buffer of the socket is Node’s own and is used again', () => {
  const message = new MessageWriter({ type: NFNL_SUBSYS_ULOG << 8, flags: 0 })
    .u32(0)
    .attribute(NFULA_PAYLOAD, Uint8Array.of(0x45, 1, 2, 3))
    .finish();
  const buffer = Buffer.from(message);
  const packets = readMessages(buffer).map(decodeLoggedPacket);
  buffer.fill(0xff);
  assert.deepEqual(
    packets.map((it) => [...(it?.payload ?? [])]),
    [[0x45, 1, 2, 3]],
  );
});
