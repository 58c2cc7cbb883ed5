// What a cluster would hold after manifests were applied.

import { namespaceOf, type PlacedObject } from './placed-object.ts';

/** `applied` take the place of objects of their names; what they do not name stays, as after `kubectl apply`. */
export function overlaid(
  held: readonly PlacedObject[],
  applied: readonly PlacedObject[],
): readonly PlacedObject[] {
  const keys = new Set(applied.map(keyOf));
  return [...held.filter((it) => !keys.has(keyOf(it))), ...applied];
}

function keyOf(placed: PlacedObject): string {
  const { apiVersion, kind, metadata } = placed.object;
  return `${apiVersion} ${kind} ${namespaceOf(placed)}/${metadata.name}`;
}
