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

const JUDGED = ['gateway.networking.k8s.io/v1', 'networking.k8s.io/v1'];

/** Other kinds may come from a dump of a newer cluster: what is unknown in them does not matter here. */
async function loadChecked(sources: readonly string[]): Promise<readonly Manifest[]> {
  const all = loadManifests(sources, () => readFileSync(0, 'utf8'));
  const manifests = all.filter(({ object }) => isOfRouteWorld(object));
  const judged = manifests.filter(({ object }) => JUDGED.includes(object.apiVersion));
  const { resolved, complaints } = resolveManifests(judged);
  refuse([...complaints, ...(await checkObjects(resolved))]);
  for (const it of all) if (OTHER.test(it.object.apiVersion) && !isOfRouteWorld(it.object)) warnOf(it);
  return manifests;
}

/** Versions and kinds of the Gateway API that are not served here: nobody shall think that they were judged. */
const OTHER = /^gateway\.networking\.(x-)?k8s\.io\//;

function warnOf({ file, lineOf, object: { apiVersion, kind, metadata } }: Manifest): void {
  process.stderr.write(
    `fairlead: warning: ${file}:${lineOf('kind')}: ${kind} ${metadata.name} of ${apiVersion} is not judged\n`,
  );
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
