// Runs a loaded tc program on one packet without an interface (BPF_PROG_TEST_RUN): for packet-level tests and explanations.

import koffi from 'koffi';
import { FairleadError } from '../base/errors.ts';
import * as bpf from './bpf-libbpf.ts';

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

/** What the program said, and the packet as it left it. `packet` starts with the Ethernet header. */
export function testRunTc(program: number, packet: Uint8Array): { verdict: TcVerdict; packet: Uint8Array } {
  const out = new Uint8Array(packet.length + SPARE_BYTES);
  const context = new Uint8Array(CONTEXT_BYTES);
  new DataView(context.buffer).setUint32(IFINDEX_AT, TEST_IFINDEX, true);
  // struct bpf_test_run_opts (bpf/bpf.h).
  const options = new DataView(new ArrayBuffer(80));
  options.setBigUint64(0, 80n, true);
  options.setBigUint64(8, koffi.address(packet), true);
  options.setBigUint64(16, koffi.address(out), true);
  options.setUint32(24, packet.length, true);
  options.setUint32(28, out.length, true);
  options.setBigUint64(32, koffi.address(context), true);
  options.setUint32(48, context.length, true);
  options.setInt32(60, 1, true);
  bpf.checkedBpf('run BPF program', bpf.programTestRun(program, new Uint8Array(options.buffer)));
  const code = options.getUint32(56, true);
  const verdict = VERDICTS.get(code);
  if (verdict === undefined)
    throw new FairleadError('internal', `Cannot read the verdict of a BPF program: ${code}`);
  return { verdict, packet: out.subarray(0, options.getUint32(28, true)) };
}
