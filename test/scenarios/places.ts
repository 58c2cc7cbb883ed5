// From where Services are asked: each place has its packets translated at another hook, and all must be of one mind.

import { test } from 'node:test';
import { FAMILIES, type Family, type World } from './network-world.ts';
import type { Prober } from './prober-client.ts';

export interface Place {
  readonly name: string;
  readonly prober: (world: World) => Prober;
}

export const PLACES: readonly Place[] = [
  { name: 'a pod', prober: (world) => world.first.prober },
  { name: 'a process outside of the cgroup, in a pod', prober: (world) => world.raw },
  { name: 'a process of a node', prober: (world) => world.onNodes[0] as Prober },
  { name: 'a pod on the network of its node', prober: (world) => world.hostNetworkPod },
];

/** One test per place and family. */
export function fromEverywhere(
  what: string,
  world: () => World,
  check: (prober: Prober, family: Family) => Promise<void>,
): void {
  for (const family of FAMILIES) {
    for (const place of PLACES) {
      test(`IPv${family}, ${place.name}: ${what}`, () => check(place.prober(world()), family));
    }
  }
}
