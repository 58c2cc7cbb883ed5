// The matrix: for every workload and each of its ports who reaches it.

import type { Cidr } from '../base/cidr.ts';
import type { Family } from '../base/ip.ts';
import { noBits, type Bits } from './bits.ts';
import { outsideSamples } from './outside-samples.ts';
import type { PolicyWorld } from './policy-world.ts';
import { Reach } from './reach.ts';
import { columnsOf, portsText } from './reach-column.ts';
import { reachEnds } from './reach-end.ts';

export interface Matrix {
  /** Workloads, then "outside" and a block for each that policies name. */
  readonly ends: readonly string[];
  /** Those of one end follow each other. */
  readonly columns: readonly MatrixColumn[];
}

export interface MatrixColumn {
  /** Place in `ends`. */
  readonly to: number;
  /** "TCP 80 (http)": one port, ports, or all others of a protocol. */
  readonly ports: string;
  /** Places in `ends` of those that reach it. */
  readonly from: Bits;
}

export interface MatrixSettings {
  readonly family: Family;
  readonly podCidrs: readonly Cidr[];
}

export function matrixOf(world: PolicyWorld, { family, podCidrs }: MatrixSettings): Matrix {
  const ends = reachEnds(world, family, outsideSamples([world.objects], family, podCidrs));
  const reach = new Reach(world, ends);
  const columns = [...ends.keys()].flatMap((to) =>
    columnsOf([reach], to).map((column): MatrixColumn => {
      const [from = noBits(ends.length)] = column.sources;
      return { to, ports: portsText(column), from };
    }),
  );
  return { ends: ends.map((it) => it.name), columns };
}
