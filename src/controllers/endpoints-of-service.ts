// Which endpoints a Service has: its pods, with their conditions and the ports that each resolves to. Pure.

import { familyOf, tryParseIp } from '../base/ip.ts';
import type { Endpoint, EndpointPort, Node, Pod, Service, ServicePort } from '../objects/api-types.ts';
import type { TableReader } from '../store/table.ts';
import { isFinished, isReady } from './pod-state.ts';
import { ZONE_LABEL } from './zone-shares.ts';

export type AddressType = 'IPv4' | 'IPv6';

/** Endpoints that resolve the Service's ports alike, so that they can share slices. */
export interface EndpointGroup {
  readonly addressType: AddressType;
  readonly ports: readonly EndpointPort[];
  readonly endpoints: readonly Endpoint[];
}

export function isHeadless(service: Service): boolean {
  return service.spec?.clusterIP === 'None';
}

/** The Service's families, in its order. */
export function addressTypesOf(service: Service): readonly AddressType[] {
  const families = service.spec?.ipFamilies ?? [];
  if (families.length > 0) return families.map((family) => (family === 'IPv6' ? 'IPv6' : 'IPv4'));
  return service.spec?.clusterIP?.includes(':') === true ? ['IPv6'] : ['IPv4'];
}

/** Groups of one address type; pods without an address of it, and finished ones, have no part in it. */
export function endpointGroups(
  service: Service,
  addressType: AddressType,
  pods: Iterable<Pod>,
  nodes: TableReader<Node>,
): readonly EndpointGroup[] {
  const groups = new Map<string, { ports: readonly EndpointPort[]; endpoints: Endpoint[] }>();
  for (const pod of pods) {
    const endpoint = isFinished(pod) ? undefined : endpointOf(service, pod, addressType, nodes);
    if (endpoint === undefined) continue;
    const ports = portsOf(service, pod);
    const group = groups.get(portsKey(ports)) ?? { ports, endpoints: [] };
    groups.set(portsKey(ports), group);
    group.endpoints.push(endpoint);
  }
  return [...groups.values()].map(({ ports, endpoints }) => ({ addressType, ports, endpoints }));
}

/** Equal for equal ports, whatever their order. */
export function portsKey(ports: readonly EndpointPort[]): string {
  const texts = ports.map(
    ({ name = '', port = '', protocol = 'TCP', appProtocol = '' }) =>
      `${name}|${port}|${protocol}|${appProtocol}`,
  );
  return texts.sort((a, b) => (a < b ? -1 : 1)).join(',');
}

function endpointOf(
  service: Service,
  pod: Pod,
  addressType: AddressType,
  nodes: TableReader<Node>,
): Endpoint | undefined {
  const addresses = addressesOf(pod, addressType);
  if (addresses.length === 0) return undefined;
  const { namespace, name, uid } = pod.metadata;
  const nodeName = pod.spec?.nodeName;
  const zone = nodeName === undefined ? undefined : nodes.get(nodeName)?.metadata.labels?.[ZONE_LABEL];
  const hostname = pod.spec?.subdomain === service.metadata.name ? (pod.spec.hostname ?? '') : '';
  return {
    addresses,
    conditions: conditionsOf(service, pod),
    targetRef: { kind: 'Pod', name, uid, ...(namespace === undefined ? {} : { namespace }) },
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(zone === undefined ? {} : { zone }),
    ...(hostname === '' ? {} : { hostname }),
  };
}

/** KEP-1672: `serving` is readiness alone, `ready` also says that the pod is not on its way out. */
function conditionsOf(service: Service, pod: Pod): NonNullable<Endpoint['conditions']> {
  const serving = isReady(pod);
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const isAlwaysReady = service.spec?.publishNotReadyAddresses === true;
  return { ready: isAlwaysReady || (serving && !terminating), serving, terminating };
}

function addressesOf(pod: Pod, addressType: AddressType): readonly string[] {
  const listed = pod.status?.podIPs?.map((entry) => entry.ip ?? '') ?? [];
  const texts = listed.length > 0 ? listed : [pod.status?.podIP ?? ''];
  const wanted = addressType === 'IPv6' ? 6 : 4;
  return texts.flatMap((text) => {
    const ip = tryParseIp(text);
    return ip !== undefined && familyOf(ip) === wanted ? [ip] : [];
  });
}

/** A port whose name no container of the pod has is left out for that pod. */
function portsOf(service: Service, pod: Pod): readonly EndpointPort[] {
  return (service.spec?.ports ?? []).flatMap((servicePort) => {
    const port = targetPortOf(servicePort, pod);
    if (port === undefined) return [];
    const { name = '', protocol = 'TCP', appProtocol } = servicePort;
    return [{ name, port, protocol, ...(appProtocol === undefined ? {} : { appProtocol }) }];
  });
}

function targetPortOf({ port, targetPort, protocol = 'TCP' }: ServicePort, pod: Pod): number | undefined {
  if (targetPort === undefined || targetPort === 0 || targetPort === '') return port;
  if (typeof targetPort === 'number') return targetPort;
  // Sidecars are init containers that go on running (KEP-753): their ports serve like any other.
  const sidecars = (pod.spec?.initContainers ?? []).filter((each) => each.restartPolicy === 'Always');
  const ports = [...(pod.spec?.containers ?? []), ...sidecars].flatMap((container) => container.ports ?? []);
  return ports.find((each) => each.name === targetPort && (each.protocol ?? 'TCP') === protocol)
    ?.containerPort;
}
