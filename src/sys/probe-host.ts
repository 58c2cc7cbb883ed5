// Probes of the machine beside networks and BPF: rights, cgroups, file systems, programs.

import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { FairleadError } from '../base/errors.ts';
import { findCgroupMount } from './cgroup.ts';
import { kernelError } from './errno.ts';
import { lastErrno, mount } from './ffi.ts';
import type { Probe } from './probe.ts';
import { runProgram } from './process.ts';

const ENODEV = 19;
const EPERM = 1;
const OLDEST_KERNEL = [6, 1] as const;
/** linux/capability.h */
const CAPABILITIES = { CAP_NET_ADMIN: 12, CAP_NET_RAW: 13, CAP_SYS_ADMIN: 21, CAP_BPF: 39 } as const;

export const HOST_PROBES: readonly Probe[] = [
  {
    name: 'kernel-version',
    neededFor: 'everything: 6.1 is the oldest supported',
    need: 'required',
    try: tryVersion,
  },
  {
    name: 'capabilities',
    neededFor: 'namespaces, links and BPF programs',
    need: 'required',
    try: tryCapabilities,
  },
  { name: 'cgroup2', neededFor: 'Services at connect time, pod processes', need: 'required', try: tryCgroup },
  {
    name: 'overlayfs',
    neededFor: 'root file systems of pod processes',
    need: 'optional',
    try: () => tryFileSystem('overlay'),
  },
  {
    name: 'bpffs',
    neededFor: 'pins that keep BPF programs over restarts',
    need: 'required',
    try: () => tryFileSystem('bpf'),
  },
  {
    name: 'program-nft',
    neededFor: 'masquerade',
    need: 'required',
    try: () => tryProgram('nft', ['--version']),
  },
  {
    name: 'program-conntrack',
    neededFor: 'ending UDP flows to endpoints that are gone',
    need: 'optional',
    try: () => tryProgram('conntrack', ['--version']),
  },
];

/** The release of the running kernel as numbers, undefined where it is not of the form "6.1.0-…". */
export function kernelVersion(text: string = release()): readonly [major: number, minor: number] | undefined {
  const match = /^(\d+)\.(\d+)/.exec(text);
  return match === null ? undefined : [Number(match[1]), Number(match[2])];
}

function tryVersion(): void {
  const version = kernelVersion();
  if (version === undefined) throw new FairleadError('internal', `Cannot read kernel version "${release()}"`);
  const [major, minor] = version;
  const isOld = major < OLDEST_KERNEL[0] || (major === OLDEST_KERNEL[0] && minor < OLDEST_KERNEL[1]);
  if (isOld)
    throw new FairleadError('unsupported', `Linux ${release()} is older than ${OLDEST_KERNEL.join('.')}`);
}

function tryCapabilities(): void {
  const line = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  const effective = BigInt(`0x${line?.[1] ?? '0'}`);
  const missing = Object.entries(CAPABILITIES).filter(([, bit]) => ((effective >> BigInt(bit)) & 1n) === 0n);
  if (missing.length === 0) return;
  throw new FairleadError('unsupported', `This process lacks ${missing.map(([name]) => name).join(', ')}`);
}

function tryCgroup(): void {
  const found = findCgroupMount();
  if (found === undefined)
    throw new FairleadError('unsupported', 'No cgroup hierarchy of version 2 is mounted');
  if (!existsSync(`${found}/cgroup.controllers`)) {
    throw new FairleadError('unsupported', `${found} is not the root of a cgroup hierarchy of version 2`);
  }
}

/** Mounts nothing: an overlay without folders is refused, and so is an option that bpf does not have, after the kernel found the type. */
function tryFileSystem(type: string): void {
  if (new RegExp(`\\s${type}$`, 'm').test(readFileSync('/proc/filesystems', 'utf8'))) return;
  mount('none', '/proc', type, 0, 'mode=none');
  const errno = lastErrno();
  if (errno === ENODEV || errno === EPERM) throw kernelError({ action: `mount file system ${type}`, errno });
}

async function tryProgram(program: string, args: readonly string[]): Promise<void> {
  await runProgram(program, args, { timeoutMs: 5000 });
}
