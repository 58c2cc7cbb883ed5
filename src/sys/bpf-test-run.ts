// Runs a loaded tc program on one packet without an interface (BPF_PROG_TEST_RUN): for packet-level tests and explanations.

import { FairleadError } from '../base/errors.ts';
import * as bpf from './bpf-libbpf.ts';
import { addressOf } from './ffi.ts';

/** TC_ACT_* (linux/pkt_cls.h). */
export type TcVerdict = 'ok' | 'shot' | 'redirect';

const VERDICTS: ReadonlyMap<number, TcVerdict> = new Map([
  [0, 'ok'],
  [2, 'shot'],
  [7, 'redirect'],
]);

/** The interface that the packet seems to come from: every namespace has its loopback. */
export const TEST_IFINDEX = 1;

/** Room for what a program may add to the packet. */
const SPARE_BYTES = 256;
/** struct __sk_buff up to `ifindex`, which lies at 40. */
const CONTEXT_BYTES = 44;
const IFINDEX_AT = 40;

/** struct bpf_test_run_opts (bpf/bpf.h). */
const OPTIONS_BYTES = 80;

/** What the program said, and the packet as it left it. `packet` starts with the Ethernet header. */
export function testRunTc(program: number, packet: Uint8Array): { verdict: TcVerdict; packet: Uint8Array } {
  const outBytes = packet.length + SPARE_BYTES;
  const [packetAt, outAt] = [OPTIONS_BYTES + CONTEXT_BYTES, OPTIONS_BYTES + CONTEXT_BYTES + packet.length];
  // One piece of memory, so that the argument of the call keeps alive what its pointers lead to.
  const memory = Buffer.alloc(outAt + outBytes);
  memory.set(packet, packetAt);
  memory.writeUInt32LE(TEST_IFINDEX, OPTIONS_BYTES + IFINDEX_AT);
  const base = addressOf(memory);
  memory.writeBigUInt64LE(BigInt(OPTIONS_BYTES), 0);
  memory.writeBigUInt64LE(base + BigInt(packetAt), 8);
  memory.writeBigUInt64LE(base + BigInt(outAt), 16);
  memory.writeUInt32LE(packet.length, 24);
  memory.writeUInt32LE(outBytes, 28);
  memory.writeBigUInt64LE(base + BigInt(OPTIONS_BYTES), 32);
  memory.writeUInt32LE(CONTEXT_BYTES, 48);
  memory.writeInt32LE(1, 60);
  bpf.checkedBpf('run BPF program', bpf.programTestRun(program, memory));
  const code = memory.readUInt32LE(56);
  const verdict = VERDICTS.get(code);
  if (verdict === undefined)
    throw new FairleadError('internal', `Cannot read the verdict of a BPF program: ${code}`);
  return { verdict, packet: new Uint8Array(memory.subarray(outAt, outAt + memory.readUInt32LE(28))) };
}
