// BPF programs in the drivers of interfaces (XDP), in the network namespace of the calling thread, by links: a program runs while its link is
// open or pinned, and another owner's is never replaced.

import { kernelError } from './errno.ts';
import * as bpf from './bpf-libbpf.ts';

/** enum bpf_attach_type, BPF_XDP (linux/bpf.h). */
const BPF_XDP = 37;
/** XDP_FLAGS_DRV_MODE (linux/if_link.h): by the driver itself; the stack's own substitute would only cost. */
const DRIVER_MODE = 1 << 2;

export interface XdpLinkState {
  readonly programId: number;
  /** 0 where the interface is gone. */
  readonly ifindex: number;
}

/**
 * Attaches a program and gives the link's descriptor. `unsupported` where the driver takes none, `busy` where somebody else's is there,
 * `not-found` without such an interface.
 */
export function attachXdp(program: number, ifindex: number): number {
  const link = bpf.linkCreate(program, ifindex, BPF_XDP, linkOptions());
  if (link < 0) throw kernelError({ action: `attach XDP program to interface ${ifindex}`, errno: -link });
  return link;
}

/** Where a link holds which program. */
export function xdpLinkState(link: number): XdpLinkState {
  const info = new DataView(new ArrayBuffer(64));
  bpf.checkedBpf('describe XDP link', bpf.objInfo(link, new Uint8Array(info.buffer), [info.byteLength]));
  // struct bpf_link_info: type, id, prog_id, four bytes of alignment, then xdp.ifindex.
  return { programId: info.getUint32(8, true), ifindex: info.getUint32(16, true) };
}

/** struct bpf_link_create_opts: sz, flags; the rest is zero. */
function linkOptions(): Uint8Array {
  const options = new DataView(new ArrayBuffer(16));
  options.setBigUint64(0, 16n, true);
  options.setUint32(8, DRIVER_MODE, true);
  return new Uint8Array(options.buffer);
}
