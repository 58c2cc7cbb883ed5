// What a connectivity check tries: every ready pod to every port of every Service, by the name its own namespace gives it. Pure.

import type { EndpointSlice, Pod, Service } from '../../objects/api-types.ts';

/** One connection to try. */
export interface Probe {
  /** "namespace/name" of the pod it starts from. */
  readonly from: string;
  readonly fromUid: string;
  readonly node: string;
  /** "namespace/name" of the Service. */
  readonly to: string;
  /** The name to look up: short within the namespace, as people write it. */
  readonly host: string;
  readonly port: number;
  readonly protocol: 'TCP' | 'UDP';
  /** Nodes that an answer may come from. */
  readonly endpointNodes: readonly string[];
}

/** Every probe, in the order of pods; Services without a ready endpoint are left out (they refuse, as they should). */
export function planProbes(
  pods: readonly Pod[],
  services: readonly Service[],
  slices: readonly EndpointSlice[],
): readonly Probe[] {
  const targets = services.flatMap((service) => targetsOf(service, slices));
  return pods.filter(isReady).flatMap((pod) =>
    targets.map((target): Probe => {
      const [namespace = '', name = ''] = target.to.split('/');
      return {
        ...target,
        host: namespace === pod.metadata.namespace ? name : `${name}.${namespace}`,
        from: `${pod.metadata.namespace ?? ''}/${pod.metadata.name}`,
        fromUid: pod.metadata.uid,
        node: pod.spec?.nodeName ?? '',
      };
    }),
  );
}

type Target = Pick<Probe, 'to' | 'port' | 'protocol' | 'endpointNodes'>;

function targetsOf(service: Service, slices: readonly EndpointSlice[]): readonly Target[] {
  const { metadata, spec } = service;
  if (spec?.type === 'ExternalName') return [];
  const to = `${metadata.namespace ?? ''}/${metadata.name}`;
  const own = slices.filter(
    (slice) =>
      slice.metadata.namespace === metadata.namespace &&
      slice.metadata.labels?.['kubernetes.io/service-name'] === metadata.name,
  );
  return (spec?.ports ?? []).flatMap((port): Target[] => {
    const protocol = port.protocol ?? 'TCP';
    if (protocol !== 'TCP' && protocol !== 'UDP') return [];
    const serving = own.filter((slice) =>
      (slice.ports ?? []).some((it) => (it.name ?? '') === (port.name ?? '')),
    );
    const endpoints = serving.flatMap((slice) =>
      slice.endpoints.filter((endpoint) => endpoint.conditions?.ready !== false),
    );
    if (endpoints.length === 0) return [];
    const endpointPort = serving
      .flatMap((slice) => slice.ports ?? [])
      .find((it) => (it.name ?? '') === (port.name ?? ''))?.port;
    const number = spec?.clusterIP === 'None' ? (endpointPort ?? port.port) : port.port;
    const endpointNodes = [...new Set(endpoints.map((endpoint) => endpoint.nodeName ?? ''))];
    return [{ to, port: number, protocol, endpointNodes }];
  });
}

function isReady(pod: Pod): boolean {
  if (pod.metadata.deletionTimestamp !== undefined || pod.spec?.nodeName === undefined) return false;
  return (pod.status?.conditions ?? []).some((it) => it.type === 'Ready' && it.status === 'True');
}
