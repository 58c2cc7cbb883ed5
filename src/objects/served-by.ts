// What runs in the place of a container's image, as the imageID of its status says it: no image is ever run, and nothing pretends.
// Shared by who serves (the lab) and who shows it.

import { listOf, objectOf, textOf } from './json.ts';

/** Processes of the host's programs, Fairlead's own programs in the place of images that it knows, and stand-ins for all others. */
export const SERVED_BY = ['process', 'agnhost', 'echo', 'web', 'sleep', 'stand-in'] as const;

export type ServedBy = (typeof SERVED_BY)[number];

const SCHEME = 'fairlead://';

/** Empty, as for an image that was not pulled, before anything runs. */
export function imageIdOf(servedBy: ServedBy | undefined): string {
  return servedBy === undefined ? '' : `${SCHEME}${servedBy}`;
}

/** Undefined for a container in which nothing has run yet. */
function servedByOf(containerStatus: unknown): ServedBy | undefined {
  const id = textOf(objectOf(containerStatus)['imageID']);
  return SERVED_BY.find((it) => imageIdOf(it) === id);
}

/** Of the containers of a pod's status, in their order. */
export function servedByOfPod(status: unknown): readonly ServedBy[] {
  return listOf(objectOf(status)['containerStatuses'])
    .map(servedByOf)
    .filter((it) => it !== undefined);
}

/** In words for people: Fairlead's own programs are not the image that they stand for. */
export function servedByText(servedBy: ServedBy): string {
  return servedBy === 'process' || servedBy === 'stand-in' ? servedBy : `fairlead/${servedBy}`;
}

export type ServedByCounts = Readonly<Partial<Record<ServedBy, number>>>;

/** How many containers of some pods are served by what; what serves none is left out. */
export function countServedBy(pods: readonly { readonly status?: unknown }[]): ServedByCounts {
  const all = pods.flatMap((pod) => servedByOfPod(pod.status));
  const counts = SERVED_BY.map((it) => [it, all.filter((each) => each === it).length] as const);
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}
