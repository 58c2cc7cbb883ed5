// From the files of `fairlead route`, and a cluster, to a world that can be asked: judged first, so that a mistake in a route is never one that does less.

import { readFileSync } from 'node:fs';
import { isOfRouteWorld, readRouteWorld, type RouteWorld } from '../gateway/why/route-world.ts';
import type { PlaceOf } from '../gateway/why/report.ts';
import { checkObjects } from '../lab/manifests/check.ts';
import { refuse } from '../lab/manifests/complaint.ts';
import { loadManifests, type Manifest } from '../lab/manifests/load.ts';
import { resolveManifests } from '../lab/manifests/resolve.ts';
import { overlaid } from '../policy/overlay.ts';
import { namespaceOf, placeOf, type PlacedObject } from '../policy/placed-object.ts';

export interface RouteSources {
  readonly filename: readonly string[];
  readonly cluster?: string;
}

export interface PlacedWorld {
  readonly world: RouteWorld;
  readonly placeOf: PlaceOf;
}

/** Throws `invalid` with every mistake in the files, each with its line. */
export async function loadRouteWorld({ filename, cluster }: RouteSources): Promise<PlacedWorld> {
  const files = await loadChecked(filename);
  const isLive = cluster !== undefined || filename.length === 0;
  // What speaks to a cluster is loaded where there is one.
  const held = isLive
    ? await (await import('./route-cluster.ts')).clusterRouteObjects(cluster ?? 'fairlead')
    : [];
  const placed = overlaid(held, files);
  const world = readRouteWorld(placed.map(withNamespace), isLive);
  return { world, placeOf: placesOf(placed) };
}

async function loadChecked(sources: readonly string[]): Promise<readonly Manifest[]> {
  const manifests = loadManifests(sources, () => readFileSync(0, 'utf8')).filter(({ object }) =>
    isOfRouteWorld(object),
  );
  const { resolved, complaints } = resolveManifests(manifests);
  refuse([...complaints, ...(await checkObjects(resolved))]);
  return manifests;
}

const WITHOUT_NAMESPACE = ['Namespace', 'GatewayClass', 'IngressClass'];

/** An object without a namespace is in `default`, as kubectl would put it there. */
function withNamespace(placed: PlacedObject): PlacedObject['object'] {
  const { object } = placed;
  if (WITHOUT_NAMESPACE.includes(object.kind)) return object;
  return { ...object, metadata: { ...object.metadata, namespace: namespaceOf(placed) } };
}

function placesOf(placed: readonly PlacedObject[]): PlaceOf {
  const byName = new Map(
    placed.map((it) => [`${it.object.kind} ${namespaceOf(it)}/${it.object.metadata.name}`, it]),
  );
  return (object, field) => {
    const found = byName.get(object);
    if (found === undefined) return undefined;
    const { file, line } = placeOf(found, field);
    return line === 0 ? undefined : `${file}:${line}`;
  };
}
