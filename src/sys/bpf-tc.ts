// BPF programs on interfaces by clsact, in the network namespace of the calling thread. One program per direction.

import { kernelError } from './errno.ts';
import * as bpf from './bpf-libbpf.ts';

/** `ingress` is what comes in on the interface, `egress` what leaves by it. */
export type TcDirection = 'ingress' | 'egress';

/** enum bpf_tc_attach_point (bpf/libbpf.h). */
const ATTACH_POINTS: Readonly<Record<TcDirection, number>> = { ingress: 1, egress: 2 };
const BOTH = 3;
const F_REPLACE = 1;
/** The one filter of ours on an interface, so that attaching again replaces it. */
const HANDLE = 1;
const PRIORITY = 1;
const [ENOENT, EEXIST, ENODEV, EINVAL] = [-2, -17, -19, -22];

/** Gives an interface the queueing discipline that programs hang on; one that is there stays. */
export function createTcHook(ifindex: number): void {
  const result = bpf.tcHookCreate(hookOf(ifindex, BOTH));
  if (result !== EEXIST) checked('make tc hook', ifindex, result);
}

/** Attaches a program, or puts it in the place of ours in one step: every packet meets the old or the new one. */
export function attachTc(ifindex: number, direction: TcDirection, program: number): void {
  const result = bpf.tcAttach(
    hookOf(ifindex, ATTACH_POINTS[direction]),
    optionsOf({ program, flags: F_REPLACE }),
  );
  checked(`attach tc program (${direction})`, ifindex, result);
}

/** Number of the program that is attached (see `programId`); undefined where there is none of ours or no such interface. */
export function attachedTcProgram(ifindex: number, direction: TcDirection): number | undefined {
  const options = optionsOf({ program: 0, flags: 0 });
  const result = bpf.tcQuery(hookOf(ifindex, ATTACH_POINTS[direction]), options);
  if (result === ENOENT || result === ENODEV || result === EINVAL) return undefined;
  checked(`look for tc program (${direction})`, ifindex, result);
  return new DataView(options.buffer).getUint32(16, true);
}

/** Takes our program of one direction away and leaves all else on the interface; no error where it or the interface is gone. */
export function detachTc(ifindex: number, direction: TcDirection): void {
  const result = bpf.tcDetach(hookOf(ifindex, ATTACH_POINTS[direction]), optionsOf({ program: 0, flags: 0 }));
  if (result !== ENOENT && result !== ENODEV && result !== EINVAL)
    checked(`detach tc program (${direction})`, ifindex, result);
}

/** Takes programs of both directions and the queueing discipline away; no error where they or the interface are gone. */
export function destroyTcHook(ifindex: number): void {
  const result = bpf.tcHookDestroy(hookOf(ifindex, BOTH));
  if (result !== ENOENT && result !== ENODEV && result !== EINVAL) checked('remove tc hook', ifindex, result);
}

/** struct bpf_tc_hook: sz, ifindex, attach_point, parent. */
function hookOf(ifindex: number, attachPoint: number): Uint8Array {
  const hook = new DataView(new ArrayBuffer(24));
  hook.setBigUint64(0, 24n, true);
  hook.setInt32(8, ifindex, true);
  hook.setUint32(12, attachPoint, true);
  return new Uint8Array(hook.buffer);
}

/** struct bpf_tc_opts: sz, prog_fd, flags, prog_id, handle, priority. */
function optionsOf({ program, flags }: { readonly program: number; readonly flags: number }): Uint8Array {
  const options = new DataView(new ArrayBuffer(32));
  options.setBigUint64(0, 32n, true);
  options.setInt32(8, program, true);
  options.setUint32(12, flags, true);
  options.setUint32(20, HANDLE, true);
  options.setUint32(24, PRIORITY, true);
  return new Uint8Array(options.buffer);
}

function checked(action: string, ifindex: number, result: number): void {
  if (result < 0) throw kernelError({ action: `${action} on interface ${ifindex}`, errno: -result });
}
