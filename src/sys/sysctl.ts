// Kernel settings below /proc/sys. Those of /proc/sys/net are per namespace: which one is decided where the file is opened.

import { readFileSync, writeFileSync } from 'node:fs';
import { FairleadError } from '../base/errors.ts';
import { wrapNodeError } from './errno.ts';
import { inNetns, type Netns } from './netns.ts';

type Place = Netns | string | undefined;

/** Value without its line end. `key` is the path below /proc/sys ("net/ipv4/ip_forward"): names of links may hold dots. */
export function readSysctl(netns: Place, key: string): string {
  const file = fileOf(key);
  return visit(netns, `read setting ${key}`, () => readFileSync(file, 'utf8').trimEnd());
}

/** Sets `key`; the kernel refuses values that it does not understand (EINVAL). */
export function writeSysctl(netns: Place, key: string, value: string | number): void {
  const file = fileOf(key);
  // No O_TRUNC and no O_CREAT: a missing setting is an error, not a new file.
  visit(netns, `set ${key} to ${value}`, () => writeFileSync(file, String(value), { flag: 'r+' }));
}

/** Sets several in one visit of the namespace, in order. */
export function writeSysctls(netns: Place, values: Readonly<Record<string, string | number>>): void {
  const files = Object.entries(values).map(([key, value]) => ({ key, file: fileOf(key), value }));
  visit(netns, 'change settings', () => {
    for (const { key, file, value } of files) {
      try {
        writeFileSync(file, String(value), { flag: 'r+' });
      } catch (error) {
        throw wrapNodeError(`set ${key} to ${value}`, error);
      }
    }
  });
}

function visit<T>(netns: Place, action: string, work: () => T): T {
  try {
    return netns === undefined ? work() : inNetns(netns, work);
  } catch (error) {
    throw error instanceof FairleadError ? error : wrapNodeError(action, error);
  }
}

function fileOf(key: string): string {
  if (!/^[a-z]+(\/[A-Za-z0-9_.@:-]+)+$/.test(key) || key.split('/').includes('..')) {
    throw new FairleadError('invalid', `Cannot name setting "${key}": must be a path below /proc/sys`);
  }
  return `/proc/sys/${key}`;
}
