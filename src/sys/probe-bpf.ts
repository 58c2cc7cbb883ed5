// Probes of BPF by the bare system call: they answer also where libbpf is not installed.

import { accessSync } from 'node:fs';
import { arch } from 'node:os';
import { FairleadError } from '../base/errors.ts';
import { canBpfAskConntrack } from './bpf-conntrack.ts';
import { addressOf, bpf, checked, close } from './ffi.ts';
import { inNetns, type Netns } from './netns.ts';
import type { Probe } from './probe.ts';

const BPF_MAP_CREATE = 0;
const BPF_PROG_LOAD = 5;
const BPF_LINK_CREATE = 28;
const BPF_MAP_TYPE_RINGBUF = 27;
const BPF_PROG_TYPE_SCHED_CLS = 3;
const BPF_PROG_TYPE_XDP = 6;
const BPF_PROG_TYPE_CGROUP_SOCK_ADDR = 18;
const BPF_CGROUP_INET4_CONNECT = 10;
const BPF_TCX_INGRESS = 46;
const ATTRIBUTE_BYTES = 128;
const PAGE_BYTES = 4096;
const LOOPBACK_INDEX = 1;
/** `r0 = 1; exit`, struct bpf_insn each. */
const RETURN_ONE = Uint8Array.of(0xb7, 0, 0, 0, 1, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0);

/** Numbers of bpf(2) by Node's name of the machine (asm/unistd.h). */
const SYSCALL_NUMBERS: Readonly<Record<string, number>> = {
  x64: 321,
  arm64: 280,
  riscv64: 280,
  loong64: 280,
};

export const BPF_PROBES: readonly Probe[] = [
  {
    name: 'bpf-cgroup-sock-addr',
    neededFor: 'Services at connect time',
    need: 'required',
    since: '4.17',
    try: tryConnect,
  },
  {
    name: 'bpf-sched-cls',
    neededFor: 'Services per packet, protection against false source addresses',
    need: 'required',
    since: '4.1',
    try: tryClassifier,
  },
  { name: 'bpf-xdp', neededFor: 'programs at the network card', need: 'optional', since: '4.8', try: tryXdp },
  {
    name: 'bpf-ringbuf',
    neededFor: 'events from BPF programs',
    need: 'required',
    since: '5.8',
    try: tryRing,
  },
  {
    name: 'bpf-tcx',
    neededFor: 'tc programs that are replaced without a gap',
    need: 'optional',
    since: '6.6',
    try: tryTcx,
  },
  {
    name: 'bpf-conntrack',
    neededFor: 'connections of outside clients that outlive a change to eBPF',
    need: 'optional',
    since: '5.18',
    try: tryConntrack,
  },
  {
    name: 'btf',
    neededFor: 'BPF programs that fit this kernel’s structs',
    need: 'required',
    since: '5.2',
    try: () => accessSync('/sys/kernel/btf/vmlinux'),
  },
];

function tryConnect(): void {
  close(loadProgram('a cgroup connect program', BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT));
}

function tryClassifier(): void {
  close(loadProgram('a tc program', BPF_PROG_TYPE_SCHED_CLS, 0));
}

function tryXdp(): void {
  close(loadProgram('an XDP program', BPF_PROG_TYPE_XDP, 0));
}

/** union bpf_attr of BPF_MAP_CREATE: type, key size, value size, entries. */
function tryRing(): void {
  const attributes = Buffer.alloc(ATTRIBUTE_BYTES);
  attributes.writeUInt32LE(BPF_MAP_TYPE_RINGBUF, 0);
  attributes.writeUInt32LE(PAGE_BYTES, 12);
  close(call('create a BPF ring buffer', BPF_MAP_CREATE, attributes));
}

/** union bpf_attr of BPF_LINK_CREATE: program, link index (in the caller's namespace), hook. */
function tryTcx(scratch: Netns): void {
  const program = loadProgram('a tc program', BPF_PROG_TYPE_SCHED_CLS, 0);
  try {
    const attributes = Buffer.alloc(ATTRIBUTE_BYTES);
    attributes.writeUInt32LE(program, 0);
    attributes.writeUInt32LE(LOOPBACK_INDEX, 4);
    attributes.writeUInt32LE(BPF_TCX_INGRESS, 8);
    close(inNetns(scratch, () => call('attach a program by tcx', BPF_LINK_CREATE, attributes)));
  } finally {
    close(program);
  }
}

function tryConntrack(): void {
  if (!canBpfAskConntrack())
    throw new FairleadError(
      'unsupported',
      'Cannot ask connection tracking from BPF programs: the kernel tells of no bpf_skb_ct_lookup',
    );
}

/** union bpf_attr of BPF_PROG_LOAD: type, count, instructions, licence; the expected hook at 68. */
function loadProgram(what: string, type: number, hook: number): number {
  const licence = Buffer.from('GPL\0');
  const attributes = Buffer.alloc(ATTRIBUTE_BYTES);
  attributes.writeUInt32LE(type, 0);
  attributes.writeUInt32LE(RETURN_ONE.length / 8, 4);
  attributes.writeBigUInt64LE(addressOf(RETURN_ONE), 8);
  attributes.writeBigUInt64LE(addressOf(licence), 16);
  attributes.writeUInt32LE(hook, 68);
  const fd = call(`load ${what}`, BPF_PROG_LOAD, attributes);
  // Keeps the licence's memory alive past the call.
  licence.fill(0);
  return fd;
}

function call(action: string, command: number, attributes: Buffer): number {
  const number = SYSCALL_NUMBERS[arch()];
  if (number === undefined)
    throw new FairleadError('internal', `Cannot ${action}: unknown machine ${arch()}`);
  return checked(action, bpf(number, command, attributes, attributes.length));
}
