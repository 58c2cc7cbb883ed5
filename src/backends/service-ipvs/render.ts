// Pure: a frontend to its row, virtual services and elements of the table.

import { cidrFamily, cidrHasCidr, cidrHasIp, cidrLength, type Cidr } from '../../base/cidr.ts';
import { familyOf, type Ip } from '../../base/ip.ts';
import type { Endpoint, EndpointChoice, Frontend, ServiceView } from '../../model/network.ts';
import type { FrontendRendering } from '../shared-node/service-backend.ts';
import { rangeText } from './element-codec.ts';
import { destinationKey, type Balancing, type IpvsRow } from './row.ts';

/** What each row depends on beside its frontend. */
export interface IpvsContext {
  readonly node: string;
  readonly nodeIps: readonly Ip[];
  readonly serviceCidrs: readonly Cidr[];
  /** Of this node: addresses of clients inside. */
  readonly ownPodCidrs: readonly Cidr[];
  /** Of the whole cluster: a pod's address on this machine's device would cut the pod off. */
  readonly podCidrs: readonly Cidr[];
  /** Addresses that the node answers at itself: it carries them, and their other ports are not ours to refuse. */
  readonly nodeLocalIps: readonly Ip[];
  /** For Services that name none. */
  readonly scheduler: string;
}

/** Where neither a Service nor the cluster's settings name one. */
const DEFAULT_SCHEDULER = 'rr';

/** `node-local` frontends have no row. */
export const IPVS_RENDERING: FrontendRendering<IpvsRow, IpvsContext> = { contextOf, renderFrontend };

function contextOf({ node, frontends, cluster }: ServiceView): IpvsContext {
  const nodeLocalIps = new Set<Ip>();
  for (const { kind, ip } of frontends.values()) if (kind === 'node-local') nodeLocalIps.add(ip);
  return {
    node: node.name,
    nodeIps: node.addresses,
    serviceCidrs: cluster.serviceCidrs,
    ownPodCidrs: node.podCidrs,
    podCidrs: cluster.podCidrs,
    nodeLocalIps: [...nodeLocalIps].sort(),
    scheduler: cluster.ipvsScheduler ?? DEFAULT_SCHEDULER,
  };
}

export function renderFrontend(frontend: Frontend, context: IpvsContext): IpvsRow | undefined {
  if (frontend.kind === 'node-local') return undefined;
  const { ip, port, protocol, namespace, service, inside, outside } = frontend;
  const scheduler = frontend.options.ipvsScheduler ?? context.scheduler;
  const persistenceS = frontend.affinityTimeoutS ?? 0;
  const balancing = (choice: EndpointChoice): Balancing => ({
    scheduler,
    persistenceS,
    destinations: endpointsOf(frontend, choice).map((it) => ({ ip: it.ip, port: it.port, weight: 1 })),
  });
  return {
    ip,
    port,
    protocol,
    service: `${namespace}/${service}`,
    address: addressOf(frontend, context),
    inside: balancing(inside),
    outside: isSeparate(frontend)
      ? { ...balancing(outside), isHidden: frontend.masqueradesOutside }
      : undefined,
    elements: elementsOf(frontend, context).toSorted(),
  };
}

function addressOf({ ip, scope }: Frontend, context: IpvsContext): IpvsRow['address'] {
  const isOfNode = context.nodeIps.includes(ip) || context.nodeLocalIps.includes(ip);
  const isOfPods = context.podCidrs.some((cidr) => cidrHasIp(cidr, ip));
  if (scope === 'node-port' || scope === 'host-port' || isOfNode || isOfPods) return 'not carried';
  return context.serviceCidrs.some((cidr) => cidrHasIp(cidr, ip)) ? 'exclusive' : 'carried';
}

/** An empty choice needs no service: its clients are answered by the table. */
function isSeparate(frontend: Frontend): boolean {
  const [inside, outside] = [frontend.inside, frontend.outside].map((it) => endpointsOf(frontend, it));
  if (inside === undefined || outside === undefined || outside.length === 0) return false;
  const keys = new Set(inside.map(destinationKey));
  return outside.length !== inside.length || !outside.every((it) => keys.has(destinationKey(it)));
}

function endpointsOf({ ip }: Frontend, { endpoints }: EndpointChoice): readonly Endpoint[] {
  return endpoints.filter((it) => familyOf(it.ip) === familyOf(ip));
}

function elementsOf(frontend: Frontend, context: IpvsContext): readonly string[] {
  const { ip, port, protocol, inside } = frontend;
  const family = familyOf(ip);
  const key = `${ip} . ${protocol.toLowerCase()} . ${port}`;
  const isEmpty = endpointsOf(frontend, inside).length === 0;
  const ranges = rangesOf(frontend);
  const isNodeShutOut =
    ranges !== undefined && !context.nodeIps.some((it) => ranges.some((range) => cidrHasIp(range, it)));
  const hairpins = new Set(
    [...frontend.inside.endpoints, ...frontend.outside.endpoints]
      .filter((it) => familyOf(it.ip) === family && isOwnClient(it, context))
      .map((it) => it.ip),
  );
  return [
    `outside${family} ${key} : ${outsideVerdict(frontend)}`,
    ...(isEmpty ? [`inside${family} ${key} : ${emptyVerdict(inside)}`] : []),
    ...(isNodeShutOut ? [`node${family} ${key} : drop`] : []),
    ...(ranges === undefined ? [] : [`restricted${family} ${key}`]),
    ...(ranges ?? []).map((range) => `ranges${family} ${key} . ${rangeText(range)}`),
    ...[...hairpins].map((it) => `hairpins${family} ${key} . ${it} . ${it}`),
  ];
}

/** What a slice says of an endpoint's node may be missing or wrong; the address says it too. */
function isOwnClient({ ip, node }: Endpoint, context: IpvsContext): boolean {
  const isNamed = node === undefined || node === context.node;
  return isNamed || context.ownPodCidrs.some((cidr) => cidrHasIp(cidr, ip));
}

/** Every frontend has this element: it also says that the virtual service is ours. */
function outsideVerdict(frontend: Frontend): string {
  const family = familyOf(frontend.ip);
  if (endpointsOf(frontend, frontend.outside).length === 0) return emptyVerdict(frontend.outside);
  if (isSeparate(frontend)) return `goto separate${family}`;
  return frontend.masqueradesOutside ? 'goto hidden' : 'goto keep';
}

function emptyVerdict({ whenEmpty }: EndpointChoice): string {
  return whenEmpty === 'drop' ? 'drop' : 'goto refuse';
}

/** Those of the frontend's family without the ones that others hold, which the kernel refuses; undefined for everybody. */
function rangesOf({ ip, sourceRanges }: Frontend): readonly Cidr[] | undefined {
  const family = familyOf(ip);
  if (sourceRanges === undefined) return undefined;
  const own = [...new Set(sourceRanges)].filter((it) => cidrFamily(it) === family);
  if (own.some((it) => cidrLength(it) === 0)) return undefined;
  return own.filter((inner) => !own.some((outer) => outer !== inner && cidrHasCidr(outer, inner)));
}
