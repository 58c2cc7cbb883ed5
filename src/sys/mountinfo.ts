// The mounts of this process as /proc/self/mountinfo lists them (man 5 proc). Paths there are escaped: "\040" is a space.

import { readFileSync } from 'node:fs';

export interface MountEntry {
  readonly target: string;
  /** File system type: "bpf", "cgroup2", "nsfs". */
  readonly type: string;
  readonly source: string;
  /** Part of the file system that is mounted; "net:[4026532000]" for a namespace. */
  readonly root: string;
}

/** All mounts, the one mounted last at a target comes last. */
export function listMounts(): readonly MountEntry[] {
  return parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8'));
}

/** Lines that are not of the documented form are left out. */
export function parseMountinfo(text: string): readonly MountEntry[] {
  return text.split('\n').flatMap((line) => {
    // Optional fields of any number end in a lone "-".
    const [before = '', after = ''] = line.split(' - ', 2);
    const [, , , root, target] = before.split(' ');
    const [type, source] = after.split(' ');
    if (root === undefined || target === undefined || type === undefined || source === undefined) return [];
    return [{ target: unescape(target), type, source: unescape(source), root: unescape(root) }];
  });
}

function unescape(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
