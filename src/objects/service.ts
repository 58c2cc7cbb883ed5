// The slim Service: what the network needs of core/v1 Service, with the defaults of absent fields decided here.

import type { Cidr } from '../base/cidr.ts';
import type { Ip } from '../base/ip.ts';
import { isPort, parsePort, parseProtocol, type Port, type Protocol } from '../base/port.ts';
import { Field } from './slim-field.ts';
import { readIp, readMeta, readPrefix, type SlimMeta } from './slim-meta.ts';

export type ServiceType = 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName';

/** A Service; `clusterIps` is empty for headless and ExternalName ones and until addresses are allocated. */
export interface Service extends SlimMeta {
  readonly type: ServiceType;
  readonly isHeadless: boolean;
  readonly clusterIps: readonly Ip[];
  readonly ports: readonly ServicePort[];
  /** Undefined for a Service whose endpoint slices somebody else writes. */
  readonly selector: ReadonlyMap<string, string> | undefined;
  /** Seconds of `sessionAffinity: ClientIP`, undefined for none. */
  readonly affinityTimeoutS: number | undefined;
  /** The name that an ExternalName Service stands for. */
  readonly externalName: string | undefined;
  readonly publishNotReadyAddresses: boolean;
  readonly externalIps: readonly Ip[];
  /** What `status.loadBalancer.ingress` names by address; entries with a host name alone are somebody else's. */
  readonly loadBalancerIngress: readonly LoadBalancerIngress[];
  readonly loadBalancerClass: string | undefined;
  /** Undefined where the Service names none. */
  readonly sourceRanges: readonly Cidr[] | undefined;
  readonly isInternalLocal: boolean;
  /** For NodePort and LoadBalancer Services, and for external addresses of any. */
  readonly isExternalLocal: boolean;
  readonly healthCheckNodePort: Port | undefined;
  /** `PreferSameZone`, `PreferSameNode`, `PreferClose`; undefined for none. */
  readonly trafficDistribution: string | undefined;
  /** Annotations of `fairlead.dev/` and of `service.kubernetes.io/`, whole names. */
  readonly annotations: ReadonlyMap<string, string>;
}

export interface LoadBalancerIngress {
  readonly ip: Ip;
  /** `VIP` (KEP-1860): nodes carry the address; `Proxy`: the balancer sends to node ports. */
  readonly mode: 'VIP' | 'Proxy';
}

export interface ServicePort {
  /** Empty for the single unnamed port. */
  readonly name: string;
  readonly port: Port;
  readonly protocol: Protocol;
  /** A number, or the name of a container port. */
  readonly targetPort: Port | string;
  /** Undefined where none is allocated. */
  readonly nodePort: Port | undefined;
  /** What is spoken there, as the IANA or a name with a domain says it (KEP-1435, KEP-3726): "kubernetes.io/h2c"; undefined where nothing is said. */
  readonly appProtocol: string | undefined;
}

/** core/v1 ClientIPConfig: 10800 seconds unless the object says otherwise. */
const AFFINITY_TIMEOUT_DEFAULT_S = 10_800;

const OWN_ANNOTATION = /^(fairlead\.dev|service\.kubernetes\.io)\//;

/** Reads a v1 Service; throws `invalid` naming the field. */
export function parseService(raw: unknown): Service {
  const root = Field.root('Service', raw);
  const spec = root.at('spec');
  const type = readType(spec.at('type'));
  const isHeadless = spec.at('clusterIP').value === 'None';
  return {
    ...readMeta(root),
    type,
    isHeadless: type !== 'ExternalName' && isHeadless,
    clusterIps: type === 'ExternalName' || isHeadless ? [] : readClusterIps(spec),
    ports: spec.at('ports').list().map(readPort),
    selector: spec.at('selector').isAbsent ? undefined : spec.at('selector').textMap(),
    affinityTimeoutS: readAffinity(spec),
    externalName: type === 'ExternalName' ? spec.at('externalName').text() : undefined,
    publishNotReadyAddresses: spec.at('publishNotReadyAddresses').bool(false),
    externalIps: spec.at('externalIPs').list().map(readIp),
    loadBalancerIngress: root.at('status.loadBalancer.ingress').list().flatMap(readIngress),
    loadBalancerClass: spec.at('loadBalancerClass').optionalText(),
    sourceRanges: readSourceRanges(spec),
    isInternalLocal: spec.at('internalTrafficPolicy').value === 'Local',
    isExternalLocal: spec.at('externalTrafficPolicy').value === 'Local',
    healthCheckNodePort: readNodePort(spec.at('healthCheckNodePort')),
    trafficDistribution: spec.at('trafficDistribution').optionalText(),
    annotations: readAnnotations(root),
  };
}

function readIngress(field: Field): readonly LoadBalancerIngress[] {
  const ip = field.at('ip');
  if (ip.isAbsent || ip.value === '') return [];
  return [{ ip: readIp(ip), mode: field.at('ipMode').value === 'Proxy' ? 'Proxy' : 'VIP' }];
}

/** Written by people with spaces and with an address of the range in the place of its first, as kube-proxy takes them. */
function readSourceRanges(spec: Field): readonly Cidr[] | undefined {
  const ranges = spec.at('loadBalancerSourceRanges').list();
  if (ranges.length === 0) return undefined;
  return ranges.map(readPrefix);
}

const NO_ANNOTATIONS: ReadonlyMap<string, string> = new Map();

function readAnnotations(root: Field): ReadonlyMap<string, string> {
  const all = root.at('metadata.annotations');
  if (all.isAbsent) return NO_ANNOTATIONS;
  const own = [...all.textMap()].filter(([name]) => OWN_ANNOTATION.test(name));
  return own.length === 0 ? NO_ANNOTATIONS : new Map(own);
}

/** Absent and 0 stand for none. */
function readNodePort(field: Field): Port | undefined {
  return field.isAbsent || field.value === 0 ? undefined : field.parse(parsePort);
}

function readType(field: Field): ServiceType {
  const type = field.optionalText() ?? 'ClusterIP';
  if (type === 'ClusterIP' || type === 'NodePort' || type === 'LoadBalancer' || type === 'ExternalName') {
    return type;
  }
  return field.fail(`"${type}" is no Service type`);
}

/** `clusterIPs` leads; objects from before dual stack carry `clusterIP` alone. */
function readClusterIps(spec: Field): readonly Ip[] {
  const list = spec.at('clusterIPs').list();
  const fields = list.length > 0 ? list : [spec.at('clusterIP')];
  return fields.filter((field) => !field.isAbsent && field.value !== '').map(readIp);
}

function readPort(field: Field): ServicePort {
  const port = field.at('port').parse(parsePort);
  const protocol = field.at('protocol');
  return {
    name: field.at('name').optionalText() ?? '',
    port,
    protocol: protocol.isAbsent ? 'TCP' : protocol.parse(parseProtocol),
    targetPort: readTargetPort(field.at('targetPort'), port),
    nodePort: readNodePort(field.at('nodePort')),
    appProtocol: field.at('appProtocol').optionalText(),
  };
}

/** Absent, 0 and "" stand for the Service's own port (core/v1 ServicePort.targetPort). */
function readTargetPort(field: Field, port: Port): Port | string {
  if (field.isAbsent || field.value === 0 || field.value === '') return port;
  if (isPort(field.value)) return field.value;
  return typeof field.value === 'string' ? field.value : field.fail('must be a port number or a port name');
}

function readAffinity(spec: Field): number | undefined {
  if (spec.at('sessionAffinity').value !== 'ClientIP') return undefined;
  const timeout = spec.at('sessionAffinityConfig.clientIP.timeoutSeconds');
  return timeout.optionalInteger() ?? AFFINITY_TIMEOUT_DEFAULT_S;
}
