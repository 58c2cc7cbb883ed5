// Kernel settings of the node's namespace as a target: written where they differ, never taken back.

import type { Target } from '../../reconcile/target.ts';

/** The door to /proc/sys of the node's namespace; keys are paths below it ("net/ipv4/ip_forward"). */
export interface SysctlDoor {
  readSysctl(key: string): string;
  writeSysctls(values: ReadonlyMap<string, string>): void;
}

/** Entries are `wanted`: path to value. A setting that other owners also want is left standing when it is wanted no more. */
export function sysctlTarget(wanted: ReadonlyMap<string, string>, door: SysctlDoor): Target<string> {
  return {
    name: 'node settings',
    observe: () => Promise.resolve(new Map([...wanted.keys()].map((key) => [key, door.readSysctl(key)]))),
    isEqual: (desired, observed) => desired === observed,
    update: (entries) => Promise.resolve(writeAll(entries, door)),
    delete: () => Promise.resolve(new Map<string, unknown>()),
    print: (_verb, key, value) => [`sysctl -w ${key.replaceAll('/', '.')}=${value}`],
  };
}

function writeAll(entries: ReadonlyMap<string, string>, door: SysctlDoor): ReadonlyMap<string, unknown> {
  const failures = new Map<string, unknown>();
  for (const [key, value] of entries) {
    try {
      door.writeSysctls(new Map([[key, value]]));
    } catch (error) {
      failures.set(key, error);
    }
  }
  return failures;
}
