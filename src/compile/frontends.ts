// A Service -> the frontends that one node carries for it. Pure function of the Service and the node; knows no other Service.

import { cidrFamily, cidrHasIp, type Cidr } from '../base/cidr.ts';
import { familyOf, type Family, type Ip } from '../base/ip.ts';
import type { Port } from '../base/port.ts';
import type {
  ClusterNetwork,
  EndpointChoice,
  Frontend,
  FrontendScope,
  NetworkNode,
  NetworkPod,
  ServiceModel,
  ServiceModelPort,
} from '../model/network.ts';
import { NO_FRONTEND_OPTIONS } from '../model/network.ts';
import { chooseAnywhere, chooseLocal, type ChoosingNode } from './endpoint-choice.ts';
import { endpointsOfFamily } from './service-model.ts';

/** Where frontends are made for. */
export interface FrontendPlace extends ChoosingNode {
  /** Addresses on which node ports are served. */
  readonly nodePortIps: readonly Ip[];
  /** Those whose node ports every node can answer in place of this one: its first ones, where all nodes serve node ports at theirs. */
  readonly directNodePortIps: readonly Ip[];
  /** All addresses of the node, on which pods' host ports are served. */
  readonly nodeIps: readonly Ip[];
  readonly allowsExternalIps: boolean;
}

const ZONE_LABEL = 'topology.kubernetes.io/zone';
const FAMILIES: readonly Family[] = [4, 6];

export function frontendPlaceOf(
  node: NetworkNode,
  cluster: ClusterNetwork,
  peers: readonly NetworkNode[],
): FrontendPlace {
  const { nodePortAddresses, allowsExternalIps } = cluster;
  const nodePortIps = nodePortAddresses.length === 0 ? firstIps(node) : askedIps(node, nodePortAddresses);
  const zone = node.labels.get(ZONE_LABEL);
  return {
    name: node.name,
    zone: zone === '' ? undefined : zone,
    nodePortIps,
    directNodePortIps: firstIps(node).filter(
      (ip) => nodePortIps.includes(ip) && peers.every((it) => servesFirst(it, familyOf(ip), cluster)),
    ),
    nodeIps: node.addresses,
    allowsExternalIps,
  };
}

function firstIp({ addresses }: NetworkNode, family: Family): Ip | undefined {
  return addresses.find((ip) => familyOf(ip) === family);
}

function firstIps(node: NetworkNode): readonly Ip[] {
  return FAMILIES.flatMap((family) => firstIp(node, family) ?? []);
}

function askedIps({ addresses }: NetworkNode, cidrs: readonly Cidr[]): readonly Ip[] {
  return addresses.filter((ip) => cidrs.some((cidr) => cidrHasIp(cidr, ip)));
}

/** Whether the node serves node ports at its first address of the family, or has no pods of it that could answer. */
function servesFirst(node: NetworkNode, family: Family, { nodePortAddresses }: ClusterNetwork): boolean {
  if (!node.podCidrs.some((cidr) => cidrFamily(cidr) === family)) return true;
  const first = firstIp(node, family);
  if (first === undefined) return false;
  return nodePortAddresses.length === 0 || nodePortAddresses.some((cidr) => cidrHasIp(cidr, first));
}

/** In the order in which they win where two claim one address and port. */
export function frontendsOfService(service: ServiceModel, place: FrontendPlace): readonly Frontend[] {
  const external = place.allowsExternalIps ? service.externalIps : [];
  return service.ports.flatMap((port) => [
    ...service.clusterIps.map((ip) => clusterIpFrontend(service, port, ip, place)),
    ...nodePortFrontends(service, port, place),
    ...external.map((ip) => externalFrontend(service, port, place, { scope: 'external-ip', ip })),
    ...service.loadBalancerIps.map((ip) =>
      externalFrontend(service, port, place, { scope: 'load-balancer', ip }),
    ),
  ]);
}

function nodePortFrontends(
  service: ServiceModel,
  port: ServiceModelPort,
  place: FrontendPlace,
): readonly Frontend[] {
  const { nodePort } = port;
  if (nodePort === undefined) return [];
  const families = new Set(service.clusterIps.map(familyOf));
  return place.nodePortIps
    .filter((ip) => families.has(familyOf(ip)))
    .map((ip) => externalFrontend(service, port, place, { scope: 'node-port', ip, port: nodePort }));
}

const NOBODY: EndpointChoice = { endpoints: [], whenEmpty: 'refuse' };

/** What reaches a ClusterIP from outside is let in, hidden behind the node. */
function clusterIpFrontend(
  service: ServiceModel,
  port: ServiceModelPort,
  ip: Ip,
  place: FrontendPlace,
): Frontend {
  const choose = service.isInternalLocal ? chooseLocal : chooseAnywhere;
  const choice = service.isNodeLocal ? NOBODY : choose(endpointsOfFamily(port.endpoints, ip), place);
  return {
    ...commonOf(service, port),
    kind: service.isNodeLocal ? 'node-local' : 'balanced',
    scope: 'cluster-ip',
    ip,
    port: port.port,
    inside: choice,
    outside: choice,
    masqueradesOutside: true,
    sourceRanges: undefined,
    ...directOf(service, service.isInternalLocal, chooseLocal(endpointsOfFamily(port.endpoints, ip), place)),
  };
}

/** Only where every node can answer for the frontend, and its clients would be hidden. */
function directOf(
  { options, isNodeLocal }: ServiceModel,
  isOneNodes: boolean,
  direct: EndpointChoice,
): Pick<Frontend, 'direct'> {
  return options.isDirectReturn && !isOneNodes && !isNodeLocal ? { direct } : {};
}

interface ExternalAddress {
  readonly scope: FrontendScope;
  readonly ip: Ip;
  /** The Service's own unless it says another. */
  readonly port?: Port;
}

/** Inside clients reach every endpoint by it, whatever its traffic policy: they are spread like those of the ClusterIP. */
function externalFrontend(
  service: ServiceModel,
  port: ServiceModelPort,
  place: FrontendPlace,
  address: ExternalAddress,
): Frontend {
  const endpoints = endpointsOfFamily(port.endpoints, address.ip);
  const anywhere = chooseAnywhere(endpoints, place);
  const local = chooseLocal(endpoints, place);
  const isOwnIp = address.scope === 'node-port' && !place.directNodePortIps.includes(address.ip);
  return {
    ...commonOf(service, port),
    ...directOf(service, service.isExternalLocal || isOwnIp, local),
    kind: 'balanced',
    scope: address.scope,
    ip: address.ip,
    port: address.port ?? port.port,
    inside: anywhere,
    outside: service.isExternalLocal ? local : anywhere,
    masqueradesOutside: !service.isExternalLocal,
    sourceRanges: address.scope === 'load-balancer' ? service.sourceRanges : undefined,
  };
}

function commonOf(
  service: ServiceModel,
  port: ServiceModelPort,
): Pick<Frontend, 'namespace' | 'service' | 'portName' | 'protocol' | 'affinityTimeoutS' | 'options'> {
  return {
    namespace: service.namespace,
    service: service.name,
    portName: port.name,
    protocol: port.protocol,
    affinityTimeoutS: service.affinityTimeoutS,
    options: service.options,
  };
}

/** The ports of the node that lead to one of its pods. */
export function frontendsOfPod(pod: NetworkPod, place: FrontendPlace): readonly Frontend[] {
  return pod.hostPorts.flatMap((it) => {
    const ips = it.hostIp === undefined ? place.nodeIps : [it.hostIp];
    return ips.flatMap((ip): readonly Frontend[] => {
      const target = pod.ips.find((podIp) => familyOf(podIp) === familyOf(ip));
      if (target === undefined) return [];
      const endpoint = { ip: target, port: it.port, node: pod.node, isTerminating: false };
      const choice: EndpointChoice = { endpoints: [endpoint], whenEmpty: 'refuse' };
      return [
        {
          kind: 'balanced',
          scope: 'host-port',
          namespace: pod.namespace,
          service: pod.name,
          portName: '',
          ip,
          port: it.hostPort,
          protocol: it.protocol,
          inside: choice,
          outside: choice,
          masqueradesOutside: false,
          sourceRanges: undefined,
          affinityTimeoutS: undefined,
          options: NO_FRONTEND_OPTIONS,
        },
      ];
    });
  });
}
