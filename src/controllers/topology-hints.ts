// For whom endpoints are meant: `trafficDistribution` (KEP-4444, KEP-3015) and the annotation topology-mode (KEP-2433). Pure.

import type { Endpoint, Node, Service } from '../objects/api-types.ts';
import { zoneShares, type ZoneShare } from './zone-shares.ts';

/** The second name is the older one of the same annotation. */
const MODE_ANNOTATIONS = [
  'service.kubernetes.io/topology-mode',
  'service.kubernetes.io/topology-aware-hints',
];

export type HintMode = 'none' | 'same-zone' | 'same-node' | 'proportional';

/** The annotation comes before the field. */
export function hintModeOf({ metadata, spec }: Service): HintMode {
  const mode = MODE_ANNOTATIONS.map((name) => metadata.annotations?.[name]).find((it) => it !== undefined);
  if (mode === 'Auto' || mode === 'auto') return 'proportional';
  switch (spec?.trafficDistribution) {
    case 'PreferClose':
    case 'PreferSameZone':
      return 'same-zone';
    case 'PreferSameNode':
      return 'same-node';
    default:
      return 'none';
  }
}

export interface Hinted {
  /** In the order in which they came. */
  readonly endpoints: readonly Endpoint[];
  /** Why there are no hints though they were asked for. */
  readonly because: string | undefined;
}

export interface HintInput {
  readonly mode: HintMode;
  /** All of the Service that have one address type. */
  readonly endpoints: readonly Endpoint[];
  readonly nodes: Iterable<Node>;
  /** Zone that an endpoint of an existing slice is meant for now: what still holds is kept, so that few slices change. */
  readonly zoneNow: (endpoint: Endpoint) => string | undefined;
}

export function withHints(input: HintInput): Hinted {
  const { mode, endpoints } = input;
  if (mode === 'none') return { endpoints, because: undefined };
  if (mode === 'proportional') return proportional(input);
  const hint = (it: Endpoint): Endpoint =>
    hinted(it, {
      zone: it.zone === '' ? undefined : it.zone,
      node: mode === 'same-node' ? it.nodeName : undefined,
    });
  return { endpoints: endpoints.map((it) => (isReady(it) ? hint(it) : it)), because: undefined };
}

/** kubernetes-types knows no `forNodes` yet (KEP-3015). */
interface NodeHints {
  readonly forNodes?: readonly { readonly name: string }[];
}

function hinted(
  endpoint: Endpoint,
  { zone, node }: { readonly zone: string | undefined; readonly node: string | undefined },
): Endpoint {
  if (zone === undefined && node === undefined) return endpoint;
  const hints: NonNullable<Endpoint['hints']> & NodeHints = {
    ...(zone === undefined ? {} : { forZones: [{ name: zone }] }),
    ...(node === undefined ? {} : { forNodes: [{ name: node }] }),
  };
  return { ...endpoint, hints };
}

/** All ready endpoints have a hint, or none has: kube-proxy heeds no others. */
function proportional({ endpoints, nodes, zoneNow }: HintInput): Hinted {
  const ready = endpoints.filter(isReady);
  const shares = zoneShares(nodes, ready.length);
  if (shares.kind === 'none') return { endpoints, because: shares.because };
  const strayed = ready.find((it) => (it.zone ?? '') === '');
  if (strayed !== undefined)
    return { endpoints, because: `endpoint ${strayed.addresses.join()} has no zone` };
  const now = new Map(ready.map((it) => [it, zoneNow(it) ?? '']));
  const zones = isWithin(now.values(), shares.byZone) ? now : allot(ready, shares.byZone);
  const hint = (it: Endpoint): Endpoint => hinted(it, { zone: zones.get(it), node: undefined });
  return { endpoints: endpoints.map((it) => (zones.has(it) ? hint(it) : it)), because: undefined };
}

function isWithin(zones: Iterable<string>, shares: ReadonlyMap<string, ZoneShare>): boolean {
  const counts = new Map<string, number>();
  for (const zone of zones) counts.set(zone, (counts.get(zone) ?? 0) + 1);
  if ([...counts.keys()].some((zone) => !shares.has(zone))) return false;
  return [...shares].every(([zone, { minimum, maximum }]) => {
    const count = counts.get(zone) ?? 0;
    return count >= minimum && count <= maximum;
  });
}

/** Each endpoint for its own zone as far as that zone's target goes; those that are left over for zones that lack some. */
function allot(
  ready: readonly Endpoint[],
  shares: ReadonlyMap<string, ZoneShare>,
): ReadonlyMap<Endpoint, string> {
  const room = new Map([...shares].map(([zone, { target }]) => [zone, target]));
  const zones = new Map<Endpoint, string>();
  const leftOver: Endpoint[] = [];
  for (const endpoint of ready) {
    const zone = endpoint.zone ?? '';
    const free = room.get(zone) ?? 0;
    if (free === 0) {
      leftOver.push(endpoint);
      continue;
    }
    room.set(zone, free - 1);
    zones.set(endpoint, zone);
  }
  const lacking = [...room].flatMap(([zone, free]) => Array<string>(free).fill(zone));
  for (const [i, endpoint] of leftOver.entries()) {
    const zone = lacking[i];
    if (zone !== undefined) zones.set(endpoint, zone);
  }
  return zones;
}

function isReady({ conditions }: Endpoint): boolean {
  return conditions?.ready === true;
}
