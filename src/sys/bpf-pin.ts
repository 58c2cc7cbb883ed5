// Pins in a bpffs and links to cgroups: what keeps programs alive without us.

import { closeSync, openSync, statSync, unlinkSync } from 'node:fs';
import { wrapNodeError, errnoOf } from './errno.ts';
import { close } from './ffi.ts';
import * as bpf from './bpf-libbpf.ts';

/** Attach points of cgroups by the name in their ELF section: numbers of enum bpf_attach_type (linux/bpf.h). */
export const CGROUP_ATTACH_TYPES = {
  connect4: 10,
  connect6: 11,
  sendmsg4: 14,
  sendmsg6: 15,
  recvmsg4: 19,
  recvmsg6: 20,
  getpeername4: 29,
  getpeername6: 30,
} as const;

export type CgroupAttachPoint = keyof typeof CGROUP_ATTACH_TYPES;

const ENOENT = -2;

/** A descriptor of the pinned thing, or undefined where nothing is pinned there. The caller closes it. */
export function openPin(path: string): number | undefined {
  const fd = bpf.objGet(path);
  return fd === ENOENT ? undefined : bpf.checkedBpf(`open pin ${path}`, fd);
}

/** Pins a program, map or link; `already-exists` where the path is taken. */
export function pin(fd: number, path: string): void {
  bpf.checkedBpf(`pin ${path}`, bpf.objPin(fd, path));
}

/** Idempotent: a pin that is gone is no error. */
export function unpin(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw wrapNodeError(`unpin ${path}`, error);
  }
}

/** A number of the kernel for the program (struct bpf_prog_info), the same for every descriptor of it. */
export function programId(fd: number): number {
  const info = new DataView(new ArrayBuffer(232));
  bpf.checkedBpf('describe BPF program', bpf.objInfo(fd, new Uint8Array(info.buffer), [info.byteLength]));
  return info.getUint32(4, true);
}

/** Attaches a program to a cgroup and gives the link's descriptor: the program runs while the link is open or pinned. */
export function attachToCgroup(program: number, point: CgroupAttachPoint, cgroup: string): number {
  const directory = openDirectory(cgroup);
  try {
    const link = bpf.linkCreate(program, directory, CGROUP_ATTACH_TYPES[point], null);
    return bpf.checkedBpf(`attach ${point} to cgroup ${cgroup}`, link);
  } finally {
    closeSync(directory);
  }
}

/** Exchanges the program of a link in one step: every call meets the old or the new one. */
export function updateLink(link: number, program: number): void {
  bpf.checkedBpf('exchange the program of a link', bpf.linkUpdate(link, program, null));
}

/** True when the link still holds its program to exactly this cgroup; a cgroup made anew is another one. */
export function isLinkedTo(link: number, cgroup: string): boolean {
  const info = new DataView(new ArrayBuffer(64));
  bpf.checkedBpf('describe BPF link', bpf.objInfo(link, new Uint8Array(info.buffer), [info.byteLength]));
  // struct bpf_link_info: cgroup_id after type, id, prog_id and four bytes of alignment; it is the folder's inode (kernfs).
  return info.getBigUint64(16, true) === inodeOf(cgroup);
}

export function closeFd(fd: number): void {
  close(fd);
}

function openDirectory(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    throw wrapNodeError(`open cgroup ${path}`, error);
  }
}

function inodeOf(path: string): bigint {
  try {
    return statSync(path, { bigint: true }).ino;
  } catch (error) {
    throw wrapNodeError(`look at cgroup ${path}`, error);
  }
}
