// The specification of a process container as native/run reads it: records "key=value", each ended by a NUL byte. Pure text.

export interface LaunchSpec {
  readonly netns: string;
  readonly hostname: string;
  readonly cgroup: string;
  readonly root: string;
  readonly pid: string;
  /** Pid file of the container whose processes it sees; undefined: its own alone. */
  readonly pidTarget: string | undefined;
  /** Undefined for the resting sandbox that exec into a stand-in joins. */
  readonly program: LaunchProgram | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | undefined;
  readonly binds: readonly LaunchBind[];
  /** Folders that appear empty. */
  readonly masks: readonly string[];
  readonly identity: LaunchIdentity;
}

export interface LaunchProgram {
  readonly args: readonly string[];
  readonly log: string;
  readonly exit: string;
  /** Socket for clients that attach to its streams. */
  readonly attach: string;
  readonly hasStdin: boolean;
  /** Its input ends with that of the first client that has one. */
  readonly isStdinOnce: boolean;
  readonly hasTty: boolean;
}

/** As the source of a bind: the container's own root, the machine's files below an overlay that goes with the container. */
export const OWN_ROOT = '';

export interface LaunchBind {
  readonly source: string;
  readonly target: string;
  readonly isReadOnly: boolean;
}

export interface LaunchIdentity {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  /** Names without "CAP_". */
  readonly capabilities: readonly string[];
  readonly isPrivileged: boolean;
  readonly hasNoNewPrivileges: boolean;
  readonly isRootReadOnly: boolean;
}

/** Capabilities by their bit (linux/capability.h). */
const CAPABILITIES = [
  'CHOWN', 'DAC_OVERRIDE', 'DAC_READ_SEARCH', 'FOWNER', 'FSETID', 'KILL', 'SETGID', 'SETUID', 'SETPCAP',
  'LINUX_IMMUTABLE', 'NET_BIND_SERVICE', 'NET_BROADCAST', 'NET_ADMIN', 'NET_RAW', 'IPC_LOCK', 'IPC_OWNER',
  'SYS_MODULE', 'SYS_RAWIO', 'SYS_CHROOT', 'SYS_PTRACE', 'SYS_PACCT', 'SYS_ADMIN', 'SYS_BOOT', 'SYS_NICE',
  'SYS_RESOURCE', 'SYS_TIME', 'SYS_TTY_CONFIG', 'MKNOD', 'LEASE', 'AUDIT_WRITE', 'AUDIT_CONTROL', 'SETFCAP',
  'MAC_OVERRIDE', 'MAC_ADMIN', 'SYSLOG', 'WAKE_ALARM', 'BLOCK_SUSPEND', 'AUDIT_READ', 'PERFMON', 'BPF',
  'CHECKPOINT_RESTORE',
] as const; // prettier-ignore

/** What container runtimes give by default, without MKNOD: there is no device control group to bound it. */
export const DEFAULT_CAPABILITIES: readonly string[] = [
  'CHOWN',
  'DAC_OVERRIDE',
  'FSETID',
  'FOWNER',
  'NET_RAW',
  'SETGID',
  'SETUID',
  'SETFCAP',
  'SETPCAP',
  'NET_BIND_SERVICE',
  'SYS_CHROOT',
  'KILL',
  'AUDIT_WRITE',
];

/** "NET_ADMIN" of "CAP_NET_ADMIN" or "NET_ADMIN". */
export function plainCapability(name: string): string {
  return name.replace(/^CAP_/, '');
}

/** The bit mask; "ALL" is every one, unknown names are none. */
export function capabilityMask(names: readonly string[]): bigint {
  if (names.includes('ALL')) return (1n << BigInt(CAPABILITIES.length)) - 1n;
  return CAPABILITIES.reduce(
    (mask, name, bit) => (names.includes(name) ? mask | (1n << BigInt(bit)) : mask),
    0n,
  );
}

/** NUL bytes cannot be in any value: the API refuses them, paths cannot hold them. */
export function formatLaunchSpec(spec: LaunchSpec): string {
  const { identity, program } = spec;
  const records: (readonly [string, string | number | bigint])[] = [
    ['netns', spec.netns],
    ['hostname', spec.hostname],
    ['cgroup', spec.cgroup],
    ['root', spec.root],
    ['pid', spec.pid],
    ['uid', identity.uid],
    ['gid', identity.gid],
    ...identity.groups.map((it) => ['group', it] as const),
    ['capabilities', capabilityMask(identity.capabilities)],
    ['privileged', Number(identity.isPrivileged)],
    ['no-new-privileges', Number(identity.hasNoNewPrivileges)],
    ['read-only-root', Number(identity.isRootReadOnly)],
    ...Object.entries(spec.env).map(([name, value]) => ['env', `${name}=${value}`] as const),
    ...spec.masks.map((it) => ['mask', it] as const),
    ...spec.binds.map(
      (it) => [it.isReadOnly ? 'bind-read-only' : 'bind', `${it.source}\n${it.target}`] as const,
    ),
    ...(spec.pidTarget === undefined ? [] : ([['pid-target', spec.pidTarget]] as const)),
    ...(spec.cwd === undefined ? [] : ([['cwd', spec.cwd]] as const)),
    ...(program === undefined ? ([['pause', 1]] as const) : programRecords(program)),
  ];
  return records.map(([key, value]) => `${key}=${value}\0`).join('');
}

function programRecords(program: LaunchProgram): readonly (readonly [string, string | number])[] {
  return [
    ['log', program.log],
    ['exit', program.exit],
    ['attach', program.attach],
    ['stdin', Number(program.hasStdin)],
    ['stdin-once', Number(program.isStdinOnce)],
    ['tty', Number(program.hasTty)],
    ...program.args.map((it) => ['arg', it] as const),
  ];
}
