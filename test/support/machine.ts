// A picture of everything that a cluster could leave on the machine, for comparing before and after.

import { existsSync, globSync, readFileSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { run } from './cluster.ts';
import { OWN_NAME } from './own-name.ts';

/** What all clusters of a machine share: there while the first comes and until the last goes. */
const SHARED = [
  'cgroups: /sys/fs/cgroup/unified/fairlead',
  'cgroups: /sys/fs/cgroup/fairlead',
  'folders: /run/fairlead',
  'folders: /var/lib/fairlead',
];

const FOLDERS = ['/run/fairlead', '/var/lib/fairlead'];

/** Each aspect as sorted lines; two pictures of an unchanged machine are deeply equal. */
export type MachinePicture = Readonly<Record<string, readonly string[]>>;

export function machinePicture(): MachinePicture {
  return {
    namespaces: existsSync('/run/netns') ? readdirSync('/run/netns').sort() : [],
    links: lines('ip', ['-o', 'link']).map((line) => line.split(':')[1]?.trim() ?? ''),
    addresses: lines('ip', ['-o', 'addr']).map((line) =>
      line.replace(/^[0-9]+:/, '').replace(/valid_lft.*/, ''),
    ),
    routes: [
      ...lines('ip', ['route', 'show', 'table', 'all']),
      ...lines('ip', ['-6', 'route', 'show', 'table', 'all']),
    ].sort(),
    rules: [...lines('ip', ['rule']), ...lines('ip', ['-6', 'rule'])],
    nftables: lines('nft', ['list', 'ruleset']),
    mounts: readFileSync('/proc/self/mounts', 'utf8').split('\n').sort(),
    cgroups: globSync('/sys/fs/cgroup{,/unified}/fairlead/**/', {}).filter(
      (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true,
    ),
    folders: FOLDERS.filter((folder) => existsSync(folder)),
    clusters: FOLDERS.flatMap(clusterNames),
    processes: fairleadProcesses(),
    sysctls: ['net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding', 'net/ipv4/conf/all/rp_filter'].map(
      (name) => `${name} ${readFileSync(`/proc/sys/${name}`, 'utf8').trim()}`,
    ),
  };
}

/**
 * What `after` has more (+) and less (-) than `before`, a line each; empty when the machine is as it was. Lines that carry the name of
 * a cluster other than `own` are left out, and what all share where there is one: somebody else may raise and remove clusters meanwhile.
 * So are the worlds of other tests (`ownName`).
 */
export function changedLines(before: MachinePicture, after: MachinePicture, own: string): readonly string[] {
  const others = [...new Set([...clustersOf(before), ...clustersOf(after)])].filter((name) => name !== own);
  return allChangedLines(before, after).filter(
    (line) =>
      line.includes(own) ||
      !(
        OWN_NAME.test(line) ||
        others.some((name) => line.includes(name)) ||
        (others.length > 0 && SHARED.includes(line.slice(2)))
      ),
  );
}

/** By all that shows one: a cluster that comes or goes while the picture is taken is in a part of it. */
function clustersOf({ namespaces = [], links = [], clusters = [] }: MachinePicture): readonly string[] {
  const named = [...namespaces, ...links].flatMap((it) => {
    const [, ofNamespace, ofLink] =
      /^(?:([a-z0-9-]+)\.(?:fabric|node-|pod\.)|fl-([a-z0-9-]+))/.exec(it) ?? [];
    return ofNamespace ?? ofLink ?? [];
  });
  return [...named, ...clusters];
}

function allChangedLines(before: MachinePicture, after: MachinePicture): readonly string[] {
  return Object.entries(after).flatMap(([aspect, lines]) => {
    const earlier = before[aspect] ?? [];
    const more = lines.filter((line) => !earlier.includes(line)).map((line) => `+ ${aspect}: ${line}`);
    const less = earlier.filter((line) => !lines.includes(line)).map((line) => `- ${aspect}: ${line}`);
    return [...more, ...less];
  });
}

/** Clusters by their folders and by the locks that are held for them. */
function clusterNames(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).map((it) => it.replace(/\.lock$/, ''));
  return [...new Set(names)].filter((it) => it !== '').sort();
}

function lines(program: string, args: readonly string[]): string[] {
  return run(program, args)
    .stdout.split('\n')
    .filter((line) => line !== '');
}

/** What stays of Fairlead in the background; commands that somebody else runs come and go, and need not name their cluster. */
function fairleadProcesses(): string[] {
  return globSync('/proc/[0-9]*/cmdline').flatMap((file) => {
    const pid = file.split('/')[2] ?? '';
    if (pid === String(process.pid)) return [];
    try {
      const command = readFileSync(file, 'utf8').replaceAll('\0', ' ').trim();
      const program = readlinkSync(`/proc/${pid}/exe`);
      return /src\/cli\/main\.ts .*--config|fairlead-run/.test(command) ? [`${program}: ${command}`] : [];
    } catch {
      return [];
    }
  });
}
