// A Service -> the frontends that one node carries for it. Pure function of the Service and the node; knows no other Service.

import { familyOf, type Ip } from '../base/ip.ts';
import type { Port } from '../base/port.ts';
import type {
  EndpointChoice,
  Frontend,
  FrontendScope,
  NetworkPod,
  ServiceModel,
  ServiceModelPort,
} from '../model/network.ts';
import { NO_FRONTEND_OPTIONS } from '../model/network.ts';
import { chooseAnywhere, chooseLocal } from './endpoint-choice.ts';
import type { FrontendPlace } from './frontend-place.ts';
import { endpointsOfFamily } from './service-model.ts';

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
