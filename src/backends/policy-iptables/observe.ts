// What `iptables-save` and `ipset save` show, back to what is there of ours. Pure.

import { parseIp, type Family } from '../../base/ip.ts';
import { parseSave } from '../shared-iptables/save-text.ts';
import { familyOfSet, isOurChain, JUMPS } from './names.ts';
import type { AddressSets, PolicyRules } from './policy-rules.ts';

const TABLES = ['mangle'] as const;
const TARGET = / -[jg] (\S+)/;

/** Undefined where nothing of ours is there. `sets` are of both families. */
export function observeRules(
  family: Family,
  saved: string,
  sets: ReadonlyMap<Family, AddressSets>,
): PolicyRules | undefined {
  const { mangle } = parseSave(saved, TABLES);
  const jumps = new Map<string, string>();
  for (const [builtIn] of JUMPS) {
    const ours = (mangle.get(builtIn) ?? []).filter((it) => isOurChain(TARGET.exec(` ${it}`)?.[1] ?? ''));
    if (ours.length > 0) jumps.set(builtIn, ours.join('\n'));
  }
  const chains = new Map<string, { readonly text: string }>();
  for (const [name, rules] of mangle) if (isOurChain(name)) chains.set(name, { text: rules.join('\n') });
  const own = sets.get(family) ?? new Map<string, ReadonlySet<string>>();
  if (jumps.size + chains.size + own.size === 0) return undefined;
  return { family, jumps, chains, sets: own, rendered: undefined };
}

const ADD = /^add (\S+) (\S+)( nomatch)?$/;
const CREATE = /^create (\S+) /;

/** Our sets by family. */
export function observeSets(saved: string): ReadonlyMap<Family, AddressSets> {
  const families = new Map<Family, Map<string, Set<string>>>([
    [4, new Map()],
    [6, new Map()],
  ]);
  const setOf = (name: string): Set<string> | undefined => {
    const family = familyOfSet(name);
    return family && families.get(family)?.get(name);
  };
  for (const line of saved.split('\n')) {
    const created = CREATE.exec(line)?.[1];
    const family = created === undefined ? undefined : familyOfSet(created);
    if (created !== undefined && family !== undefined) families.get(family)?.set(created, new Set());
    const [, name = '', prefix = '', nomatch = ''] = ADD.exec(line) ?? [];
    setOf(name)?.add(canonical(prefix) + nomatch);
  }
  return families;
}

/** Libraries write addresses of IPv6 that end like IPv4 in two ways. */
function canonical(prefix: string): string {
  if (!prefix.includes('.') || !prefix.includes(':')) return prefix;
  const [ip = '', length] = prefix.split('/');
  return length === undefined ? parseIp(ip) : `${parseIp(ip)}/${length}`;
}
