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
  /** Where it may lead, of both families. */
  readonly endpoints: readonly ProbeEndpoint[];
}

export interface ProbeEndpoint {
  readonly ip: string;
  readonly port: number;
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

type Target = Pick<Probe, 'to' | 'port' | 'protocol' | 'endpointNodes' | 'endpoints'>;

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
    const portOf = (slice: EndpointSlice): number =>
      (slice.ports ?? []).find((it) => (it.name ?? '') === (port.name ?? ''))?.port ?? port.port;
    const ready = serving.flatMap((slice) =>
      slice.endpoints
        .filter((endpoint) => endpoint.conditions?.ready !== false)
        .map((endpoint) => ({ ...endpoint, port: portOf(slice) })),
    );
    const [first] = ready;
    if (first === undefined) return [];
    const number = spec?.clusterIP === 'None' ? first.port : port.port;
    const endpointNodes = [...new Set(ready.map(({ nodeName }) => nodeName ?? ''))];
    const endpoints = ready.flatMap((it) => it.addresses.map((ip) => ({ ip, port: it.port })));
    return [{ to, port: number, protocol, endpointNodes, endpoints }];
  });
}

function isReady(pod: Pod): boolean {
  if (pod.metadata.deletionTimestamp !== undefined || pod.spec?.nodeName === undefined) return false;
  return (pod.status?.conditions ?? []).some((it) => it.type === 'Ready' && it.status === 'True');
}
