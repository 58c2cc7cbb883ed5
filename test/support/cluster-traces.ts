// What a cluster of a given name has on the machine: other clusters come and go beside it.

import { machinePicture } from './machine.ts';

/** Every line of the machine's picture that carries the cluster's name, or a link, address or route of its number. */
export function clusterTraces(name: string): readonly string[] {
  const isOfCluster = new RegExp(`(^|[^a-z0-9-])(fl-)?${name}($|[^a-z0-9-])`);
  return Object.entries(machinePicture()).flatMap(([aspect, lines]) =>
    lines.filter((line) => isOfCluster.test(line)).map((line) => `${aspect}: ${line}`),
  );
}
