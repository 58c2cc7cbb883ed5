// What a change of policies opens and closes: every pair of ends that both worlds have, at every port.

import type { Cidr } from '../base/cidr.ts';
import type { Family } from '../base/ip.ts';
import { areSameBits, bitsIn, isNone, removeBits, type Bits } from './bits.ts';
import { outsideSamples } from './outside-samples.ts';
import type { PolicyWorld } from './policy-world.ts';
import { Reach } from './reach.ts';
import { columnsOf, portsText } from './reach-column.ts';
import { reachEnds, type ReachEnd } from './reach-end.ts';

export interface ReachDiff {
  /** What both worlds have: workloads and what stands for all outside. */
  readonly ends: readonly string[];
  readonly opened: readonly ReachChange[];
  readonly closed: readonly ReachChange[];
  /** Workloads that only one of the worlds has: nothing is said of their connections. */
  readonly onlyOld: readonly string[];
  readonly onlyNew: readonly string[];
}

export interface ReachChange {
  readonly to: string;
  /** "TCP 80 (http)", "TCP other". */
  readonly ports: string;
  /** Places in `ends` of those for whom it changes: one at least. */
  readonly from: Bits;
}

export interface DiffSettings {
  readonly family: Family;
  readonly podCidrs: readonly Cidr[];
}

/** By the names of workloads, so that their labels may change, too. */
export function diffReach(old: PolicyWorld, now: PolicyWorld, { family, podCidrs }: DiffSettings): ReachDiff {
  const samples = outsideSamples([old.objects, now.objects], family, podCidrs);
  const [ofOld, ofNew] = [reachEnds(old, family, samples), reachEnds(now, family, samples)];
  const [oldNames, newNames] = [namesOf(ofOld), namesOf(ofNew)];
  const both = ofOld.filter((it) => newNames.has(it.name));
  const byName = new Map(ofNew.map((it) => [it.name, it]));
  const reaches = [
    new Reach(old, both),
    new Reach(
      now,
      both.map((it) => byName.get(it.name) ?? it),
    ),
  ] as const;
  return {
    ends: both.map((it) => it.name),
    ...changesOf(...reaches),
    onlyOld: [...oldNames].filter((it) => !newNames.has(it)),
    onlyNew: [...newNames].filter((it) => !oldNames.has(it)),
  };
}

function namesOf(ends: readonly ReachEnd[]): ReadonlySet<string> {
  return new Set(ends.map((it) => it.name));
}

function changesOf(old: Reach, now: Reach): Pick<ReachDiff, 'opened' | 'closed'> {
  const [opened, closed]: [ReachChange[], ReachChange[]] = [[], []];
  for (const [at, { name: to }] of old.ends.entries())
    for (const column of columnsOf([old, now], at)) {
      const [before, after] = column.sources;
      if (before === undefined || after === undefined || areSameBits(before, after)) continue;
      const ports = portsText(column);
      const changes = [
        [opened, after, before],
        [closed, before, after],
      ] as const;
      for (const [into, more, less] of changes) {
        const only = more.slice();
        removeBits(only, less);
        if (!isNone(only)) into.push({ to, ports, from: only });
      }
    }
  return { opened, closed };
}

/** Names of those for whom a change is one. */
export function sourcesOf({ ends }: ReachDiff, { from }: ReachChange): readonly string[] {
  return [...bitsIn(from)].map((at) => ends[at] ?? '');
}

export function isEmptyDiff({ opened, closed }: ReachDiff): boolean {
  return opened.length === 0 && closed.length === 0;
}
