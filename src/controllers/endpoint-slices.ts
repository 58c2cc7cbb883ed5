// EndpointSlices of Services that have a selector. Services without one, and slices of others, are left alone.

import { timeText } from '../base/clock.ts';
import { isDeepStrictEqual } from 'node:util';
import { ENDPOINT_SLICES, nameOfKey, NODES, PODS, SERVICES, type Draft } from '../kube/resource.ts';
import type { Endpoint, EndpointPort, EndpointSlice, Node, Pod, Service } from '../objects/api-types.ts';
import { matchesSelector, selectorOfLabels } from '../objects/meta.ts';
import type { TableChange } from '../store/table.ts';
import { createAction, deleteAction, eventAction, patchAction, type Action } from './action.ts';
import { cachedKind, type CachedKind } from './cluster-cache.ts';
import { ownKey, source, type ClusterReader, type Controller, type ReconcileContext } from './controller.ts';
import {
  addressTypesOf,
  endpointGroups,
  isHeadless,
  portsKey,
  type AddressType,
  type EndpointGroup,
} from './endpoints-of-service.ts';
import { readySinceMs } from './pod-state.ts';
import { endpointKey, packSlices } from './slice-packing.ts';
import { hintModeOf, withHints } from './topology-hints.ts';
import { shareOfNode, ZONE_LABEL } from './zone-shares.ts';

const SERVICE_NAME = 'kubernetes.io/service-name';
const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
const HEADLESS = 'service.kubernetes.io/headless';
const TRIGGER_TIME = 'endpoints.kubernetes.io/last-change-trigger-time';
/** The name that kubectl, meshes and dashboards look for. */
const MANAGER = 'endpointslice-controller.k8s.io';

export const ENDPOINT_SLICE_KINDS: readonly CachedKind[] = [
  cachedKind(SERVICES),
  cachedKind(PODS, { node: (pod) => [pod.spec?.nodeName ?? ''] }),
  cachedKind(NODES),
  cachedKind(ENDPOINT_SLICES, { service: serviceKeysOf }),
];

export const endpointSliceController: Controller = {
  name: 'endpoint-slice-controller',
  sources: [
    ownKey(SERVICES),
    source(PODS, servicesOfPod),
    source(ENDPOINT_SLICES, ({ before, after }) => serviceKeysOf(after ?? before)),
    source(NODES, servicesOfNode),
  ],
  reconcile: reconcileSlices,
  // A rollout changes the same slices once per pod: one write for many of them spares every node in the cluster.
  restMs: 100,
};

/** One slice as it shall be, without what the server fills in. */
interface SliceContent {
  readonly addressType: AddressType;
  readonly ports: readonly EndpointPort[];
  readonly endpoints: readonly Endpoint[];
}

export function reconcileSlices(
  key: string,
  { cluster }: Pick<ReconcileContext, 'cluster'>,
): readonly Action[] {
  const service = cluster.of(SERVICES).get(key);
  const existing = [...cluster.of(ENDPOINT_SLICES).by('service', key)];
  if (service === undefined) return existing.map((slice) => deleteAction(ENDPOINT_SLICES, slice));
  if (!hasSelector(service) || service.metadata.deletionTimestamp !== undefined) return [];
  const pods = podsOf(service, cluster);
  const writes: Action[] = [];
  const problems: Action[] = [];
  const kept = new Set<EndpointSlice>();
  const trigger = triggerTime(service, pods);
  for (const addressType of addressTypesOf(service)) {
    const { slices, because } = desiredSlices({ service, addressType, pods, existing, cluster });
    if (because !== undefined) problems.push(disabledHints(service, addressType, because));
    for (const { content, slice } of slices) {
      if (slice !== undefined) kept.add(slice);
      const write =
        slice === undefined ? create(service, content, trigger) : change(service, slice, content, trigger);
      if (write !== undefined) writes.push(write);
    }
  }
  const creates = writes.filter((write) => write.kind === 'create');
  const patches = writes.filter((write) => write.kind !== 'create');
  const deletes = existing
    .filter((slice) => !kept.has(slice))
    .map((slice) => deleteAction(ENDPOINT_SLICES, slice));
  // In this order no reader ever sees an endpoint missing that moved from one slice to another.
  return [...creates, ...patches, ...deletes, ...problems];
}

interface Input {
  readonly service: Service;
  readonly addressType: AddressType;
  readonly pods: readonly Pod[];
  readonly existing: readonly EndpointSlice[];
  readonly cluster: ClusterReader;
}

interface DesiredSlices {
  readonly slices: readonly { readonly content: SliceContent; readonly slice: EndpointSlice | undefined }[];
  /** Why there are no topology hints though the Service asks for them. */
  readonly because: string | undefined;
}

function desiredSlices(input: Input): DesiredSlices {
  const { service, addressType, pods, cluster } = input;
  const existing = input.existing.filter((slice) => slice.addressType === addressType);
  const plain = endpointGroups(service, addressType, pods, cluster.of(NODES));
  const { groups, because } = hintedGroups(service, plain, { existing, cluster });
  const packed = groups.flatMap(({ ports, endpoints }) => {
    const alike = existing.filter((slice) => portsKey(slice.ports ?? []) === portsKey(ports));
    return packSlices(alike, endpoints)
      .filter((each) => each.endpoints.length > 0)
      .map((each) => ({ slice: each.slice, content: { addressType, ports, endpoints: each.endpoints } }));
  });
  if (packed.length > 0) return { slices: packed, because };
  // An empty slice says that the Service is known and has nothing, which is more than no slice says.
  const slice = existing.find((each) => (each.ports ?? []).length === 0) ?? existing[0];
  return { slices: [{ slice, content: { addressType, ports: [], endpoints: [] } }], because };
}

/** Hints are a matter of all endpoints of an address type, whatever group they are in. */
function hintedGroups(
  service: Service,
  groups: readonly EndpointGroup[],
  { existing, cluster }: Pick<Input, 'existing' | 'cluster'>,
): { readonly groups: readonly EndpointGroup[]; readonly because: string | undefined } {
  const known = existing.flatMap((slice) => slice.endpoints.map((it) => [endpointKey(it), it] as const));
  const zones = new Map(known.map(([key, it]) => [key, it.hints?.forZones?.[0]?.name]));
  const { endpoints, because } = withHints({
    mode: hintModeOf(service),
    endpoints: groups.flatMap((group) => group.endpoints),
    nodes: cluster.of(NODES).values(),
    zoneNow: (endpoint) => zones.get(endpointKey(endpoint)),
  });
  const rest = [...endpoints];
  return {
    groups: groups.map((group) => ({ ...group, endpoints: rest.splice(0, group.endpoints.length) })),
    because,
  };
}

function disabledHints(service: Service, addressType: AddressType, because: string): Action {
  return eventAction(
    service,
    'Warning',
    'TopologyAwareHintsDisabled',
    `Cannot give topology hints, addressType ${addressType}: ${because}`,
  );
}

function create(service: Service, content: SliceContent, trigger: string): Action {
  const { namespace, name, uid } = service.metadata;
  const object: Draft<EndpointSlice> = {
    metadata: {
      generateName: `${name}-`,
      ...(namespace === undefined ? {} : { namespace }),
      labels: labelsOf(service),
      annotations: { [TRIGGER_TIME]: trigger },
      ownerReferences: [
        { apiVersion: 'v1', kind: 'Service', name, uid, controller: true, blockOwnerDeletion: true },
      ],
    },
    ...content,
  };
  return createAction(ENDPOINT_SLICES, object);
}

function change(
  service: Service,
  slice: EndpointSlice,
  content: SliceContent,
  trigger: string,
): Action | undefined {
  const labels = labelsOf(service);
  const isSame =
    portsKey(slice.ports ?? []) === portsKey(content.ports) &&
    isDeepStrictEqual(slice.endpoints, content.endpoints) &&
    isDeepStrictEqual({ ...slice.metadata.labels }, labels);
  if (isSame) return undefined;
  const removed = Object.keys(slice.metadata.labels ?? {}).filter((label) => !(label in labels));
  const metadata = {
    labels: { ...labels, ...Object.fromEntries(removed.map((label) => [label, null])) },
    annotations: { [TRIGGER_TIME]: trigger },
  };
  return patchAction(ENDPOINT_SLICES, slice, {
    metadata,
    ports: content.ports,
    endpoints: content.endpoints,
  });
}

function labelsOf(service: Service): Record<string, string> {
  const { [HEADLESS]: _, ...own } = service.metadata.labels ?? {};
  return {
    ...own,
    ...(isHeadless(service) ? { [HEADLESS]: '' } : {}),
    [SERVICE_NAME]: service.metadata.name,
    [MANAGED_BY]: MANAGER,
  };
}

/** The latest moment at which something changed that the endpoints depend on, as far as the objects tell it. */
function triggerTime(service: Service, pods: readonly Pod[]): string {
  const times = pods.flatMap((pod) => {
    const deletedMs = Date.parse(pod.metadata.deletionTimestamp ?? '');
    const graceMs = (pod.metadata.deletionGracePeriodSeconds ?? 0) * 1000;
    return [readySinceMs(pod) ?? 0, Number.isNaN(deletedMs) ? 0 : deletedMs - graceMs];
  });
  return timeText(Math.max(Date.parse(service.metadata.creationTimestamp), ...times));
}

/** Services without one have their slices from somebody else. */
export function hasSelector(service: Service): boolean {
  const selector = service.spec?.selector ?? {};
  return service.spec?.type !== 'ExternalName' && Object.keys(selector).length > 0;
}

/** The pods that the Service selects, by name. */
export function podsOf(service: Service, cluster: ClusterReader): readonly Pod[] {
  const selector = selectorOfLabels(service.spec?.selector ?? {});
  const pods = [...cluster.of(PODS).by('namespace', service.metadata.namespace ?? '')];
  return pods
    .filter((pod) => matchesSelector(selector, pod.metadata.labels))
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

/** The Services that select the pod, as it was or as it is. */
export function servicesOfPod(
  { key, before, after }: TableChange<Pod>,
  cluster: ClusterReader,
): readonly string[] {
  const { namespace = '' } = nameOfKey(key);
  const services = [...cluster.of(SERVICES).by('namespace', namespace)].filter((service) => {
    if (!hasSelector(service)) return false;
    const selector = selectorOfLabels(service.spec?.selector ?? {});
    return [before, after].some((pod) => pod !== undefined && matchesSelector(selector, pod.metadata.labels));
  });
  return services.map((service) => `${namespace}/${service.metadata.name}`);
}

function serviceKeysOf(slice: EndpointSlice | undefined): readonly string[] {
  const { labels, namespace = '' } = slice?.metadata ?? {};
  const service = labels?.[SERVICE_NAME];
  return labels?.[MANAGED_BY] === MANAGER && service !== undefined ? [`${namespace}/${service}`] : [];
}

/** Every Service has its endpoints' zones; the nodes' CPUs matter to those alone that ask for proportional hints. */
function servicesOfNode({ before, after }: TableChange<Node>, cluster: ClusterReader): Iterable<string> {
  const services = cluster.of(SERVICES);
  if (before?.metadata.labels?.[ZONE_LABEL] !== after?.metadata.labels?.[ZONE_LABEL]) return services.keys();
  if (isDeepStrictEqual(before && shareOfNode(before), after && shareOfNode(after))) return [];
  return [...services.entries()]
    .filter(([, service]) => hintModeOf(service) === 'proportional')
    .map(([key]) => key);
}
