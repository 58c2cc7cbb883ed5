// Runs a loaded program on one packet without an interface (BPF_PROG_TEST_RUN): for packet-level tests and explanations.

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
const SPARE_BYTES = 2048;
/** struct __sk_buff up to `ifindex`, which lies at 40. */
const CONTEXT_BYTES = 44;
const IFINDEX_AT = 40;

/** struct bpf_test_run_opts (bpf/bpf.h). */
const OPTIONS_BYTES = 80;

/** XDP_* (linux/bpf.h). */
export type XdpVerdict = 'aborted' | 'drop' | 'pass' | 'tx' | 'redirect';

const XDP_VERDICTS: ReadonlyMap<number, XdpVerdict> = new Map([
  [0, 'aborted'],
  [1, 'drop'],
  [2, 'pass'],
  [3, 'tx'],
  [4, 'redirect'],
]);

export interface TestRun<V> {
  readonly verdict: V;
  /** Of the run itself. */
  readonly durationNs: number;
  readonly packet: Uint8Array;
}

/** What the program said, and the packet as it left it. `packet` starts with the Ethernet header. */
export function testRunTc(program: number, packet: Uint8Array): TestRun<TcVerdict> {
  const context = Buffer.alloc(CONTEXT_BYTES);
  context.writeUInt32LE(TEST_IFINDEX, IFINDEX_AT);
  return testRun(program, { packet, context, verdicts: VERDICTS });
}

/** The same for a program of XDP; the packet comes in by the namespace's loopback. */
export function testRunXdp(program: number, packet: Uint8Array): TestRun<XdpVerdict> {
  return testRun(program, { packet, context: Buffer.alloc(0), verdicts: XDP_VERDICTS });
}

interface TestInput<V> {
  readonly packet: Uint8Array;
  /** What the program is told beside the packet; empty for what the kernel makes up. */
  readonly context: Buffer;
  readonly verdicts: ReadonlyMap<number, V>;
}

function testRun<V>(program: number, { packet, context, verdicts }: TestInput<V>): TestRun<V> {
  const outBytes = packet.length + SPARE_BYTES;
  const [packetAt, outAt] = [OPTIONS_BYTES + context.length, OPTIONS_BYTES + context.length + packet.length];
  // One piece of memory, so that the argument of the call keeps alive what its pointers lead to.
  const memory = Buffer.alloc(outAt + outBytes);
  memory.set(packet, packetAt);
  memory.set(context, OPTIONS_BYTES);
  const base = addressOf(memory);
  memory.writeBigUInt64LE(BigInt(OPTIONS_BYTES), 0);
  memory.writeBigUInt64LE(base + BigInt(packetAt), 8);
  memory.writeBigUInt64LE(base + BigInt(outAt), 16);
  memory.writeUInt32LE(packet.length, 24);
  memory.writeUInt32LE(outBytes, 28);
  if (context.length > 0) memory.writeBigUInt64LE(base + BigInt(OPTIONS_BYTES), 32);
  memory.writeUInt32LE(context.length, 48);
  memory.writeInt32LE(1, 60);
  bpf.checkedBpf('run BPF program', bpf.programTestRun(program, memory));
  const code = memory.readUInt32LE(56);
  const verdict = verdicts.get(code);
  if (verdict === undefined)
    throw new FairleadError('internal', `Cannot read the verdict of a BPF program: ${code}`);
  const durationNs = memory.readUInt32LE(64);
  return {
    verdict,
    durationNs,
    packet: new Uint8Array(memory.subarray(outAt, outAt + memory.readUInt32LE(28))),
  };
}
