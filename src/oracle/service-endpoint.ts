// Which endpoints a Service's port has, and which of them a node's clients may be sent to: written from discovery/v1's text and KEP-1669
// (terminating endpoints), KEP-2086 (traffic policies), KEP-2433 and KEP-3015 (hints).

import { parseIp, type Family } from '../base/ip.ts';
import type { RawEndpointSlice, RawNode, RawService, RawServicePort } from './raw-objects.ts';

type RawEndpoint = NonNullable<RawEndpointSlice['endpoints']>[number];

export interface FoundEndpoint {
  readonly ip: string;
  readonly port: number;
  readonly node: string | undefined;
  /** Otherwise it serves its last. */
  readonly isReady: boolean;
  readonly zoneHints: readonly string[];
  readonly nodeHints: readonly string[];
}

export function slicesOf(
  slices: readonly RawEndpointSlice[],
  { metadata }: RawService,
): readonly RawEndpointSlice[] {
  return slices.filter(
    (it) =>
      it.metadata.namespace === metadata.namespace &&
      it.metadata.labels?.['kubernetes.io/service-name'] === metadata.name,
  );
}

export function isReady({ conditions }: RawEndpoint): boolean {
  return conditions?.ready ?? true;
}

/** Not ready, but it serves while it terminates: better than nothing (KEP-1669). */
function isServingLast(endpoint: RawEndpoint): boolean {
  const { conditions } = endpoint;
  return !isReady(endpoint) && (conditions?.serving ?? false) && (conditions?.terminating ?? false);
}

/** Those of one family that are ready or serve their last; one that stands in two slices counts once, as the better of the two. */
export function findEndpoints(
  slices: readonly RawEndpointSlice[],
  servicePort: RawServicePort,
  family: Family,
): readonly FoundEndpoint[] {
  const all = slices
    .filter((it) => it.addressType === `IPv${family}`)
    .flatMap((slice) =>
      (slice.ports ?? [])
        .filter((it) => isSamePort(it, servicePort))
        .flatMap(({ port }) =>
          typeof port === 'number' ? (slice.endpoints ?? []).flatMap((it) => found(it, port)) : [],
        ),
    );
  return [...Map.groupBy(all, (it) => `${it.ip} ${it.port}`).values()].flatMap(asOne);
}

function isSamePort(port: NonNullable<RawEndpointSlice['ports']>[number], of: RawServicePort): boolean {
  return (port.name ?? '') === (of.name ?? '') && (port.protocol ?? 'TCP') === (of.protocol ?? 'TCP');
}

function found(endpoint: RawEndpoint, port: number): readonly FoundEndpoint[] {
  const [address] = endpoint.addresses;
  if (address === undefined || !(isReady(endpoint) || isServingLast(endpoint))) return [];
  const names = (hints: readonly { readonly name: string }[] = []): readonly string[] =>
    hints.map((it) => it.name);
  return [
    {
      ip: parseIp(address),
      port,
      node: endpoint.nodeName,
      isReady: isReady(endpoint),
      zoneHints: names(endpoint.hints?.forZones),
      nodeHints: names(endpoint.hints?.forNodes),
    },
  ];
}

function asOne(same: readonly FoundEndpoint[]): readonly FoundEndpoint[] {
  const ready = same.filter((it) => it.isReady);
  const best = ready.length > 0 ? ready : same;
  const [first] = best;
  if (first === undefined) return [];
  const node = best.flatMap((it) => it.node ?? []).sort()[0];
  // One without a hint is for everybody.
  const together = (lists: readonly (readonly string[])[]): readonly string[] =>
    lists.some((it) => it.length === 0) ? [] : lists.flat();
  return [
    {
      ...first,
      node,
      zoneHints: together(best.map((it) => it.zoneHints)),
      nodeHints: together(best.map((it) => it.nodeHints)),
    },
  ];
}

/** Ready ones, or else those that serve their last. */
function readyOrLast(endpoints: readonly FoundEndpoint[]): readonly FoundEndpoint[] {
  const ready = endpoints.filter((it) => it.isReady);
  return ready.length > 0 ? ready : endpoints;
}

export function localOnes(endpoints: readonly FoundEndpoint[], node: RawNode): readonly FoundEndpoint[] {
  return readyOrLast(endpoints.filter((it) => it.node === node.metadata.name));
}

/** Hints are followed only where every ready endpoint has one and one of them is for this node, or its zone. */
export function nearOnes(endpoints: readonly FoundEndpoint[], node: RawNode): readonly FoundEndpoint[] {
  const chosen = readyOrLast(endpoints);
  if (!chosen.some((it) => it.isReady)) return chosen;
  const zone = node.metadata.labels?.['topology.kubernetes.io/zone'];
  const byNode = chosen.filter((it) => it.nodeHints.includes(node.metadata.name));
  if (byNode.length > 0 && chosen.every((it) => it.nodeHints.length > 0)) return byNode;
  const byZone = chosen.filter((it) => zone !== undefined && zone !== '' && it.zoneHints.includes(zone));
  return byZone.length > 0 && chosen.every((it) => it.zoneHints.length > 0) ? byZone : chosen;
}
