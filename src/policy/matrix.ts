// The matrix: for every workload and each of its ports who reaches it.

import type { Cidr } from '../base/cidr.ts';
import type { Family } from '../base/ip.ts';
import { bitsIn, noBits } from './bits.ts';
import { outsideSamples } from './outside-samples.ts';
import type { PolicyWorld } from './policy-world.ts';
import { Reach } from './reach.ts';
import { columnsOf, portsText } from './reach-column.ts';
import { reachEnds } from './reach-end.ts';

export interface Matrix {
  /** Workloads, then "outside" and a block for each that policies name. */
  readonly ends: readonly string[];
  readonly columns: readonly MatrixColumn[];
}

export interface MatrixColumn {
  readonly to: string;
  /** "TCP 80 (http)": one port, ports, or all others of a protocol. */
  readonly ports: string;
  /** Names of `ends`, in their order. */
  readonly from: readonly string[];
}

export interface MatrixSettings {
  readonly family: Family;
  readonly podCidrs: readonly Cidr[];
}

export function matrixOf(world: PolicyWorld, { family, podCidrs }: MatrixSettings): Matrix {
  const ends = reachEnds(world, family, outsideSamples([world.objects], family, podCidrs));
  const reach = new Reach(world, ends);
  const names = ends.map((it) => it.name);
  const columns = ends.flatMap(({ name: to }, at) =>
    columnsOf([reach], at).map((column) => {
      const [sources = noBits(0)] = column.sources;
      return { to, ports: portsText(column), from: [...bitsIn(sources)].map((it) => names[it] ?? '') };
    }),
  );
  return { ends: names, columns };
}
