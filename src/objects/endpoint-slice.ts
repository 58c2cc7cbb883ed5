// The slim EndpointSlice: what the network needs of discovery.k8s.io/v1 EndpointSlice, with absent conditions decided here.

import type { Ip } from '../base/ip.ts';
import { parsePort, parseProtocol, type Port, type Protocol } from '../base/port.ts';
import { Field } from './slim-field.ts';
import { readIp, readMeta, type SlimMeta } from './slim-meta.ts';

/** A part of a Service's endpoints, all of one address family. */
export interface EndpointSlice extends SlimMeta {
  /** Name of the Service in the same namespace, undefined where the slice belongs to none. */
  readonly service: string | undefined;
  readonly addressType: 'IPv4' | 'IPv6' | 'FQDN';
  readonly ports: readonly SlicePort[];
  /** Empty for slices of names (FQDN): no address of theirs can be programmed. */
  readonly endpoints: readonly SliceEndpoint[];
}

export interface SlicePort {
  /** Matches the name of a Service's port; empty for the single unnamed one. */
  readonly name: string;
  /** Undefined stands for "all ports", which no Service port can be sent to. */
  readonly port: Port | undefined;
  readonly protocol: Protocol;
}

/** One endpoint; its addresses are interchangeable, and there is at least one. */
export interface SliceEndpoint {
  readonly addresses: readonly Ip[];
  readonly hostname: string | undefined;
  readonly node: string | undefined;
  readonly isReady: boolean;
  readonly isServing: boolean;
  readonly isTerminating: boolean;
  /** `hints.forZones` and `hints.forNodes` (KEP-2433, KEP-3015): for whom it is meant; empty for everybody. */
  readonly zoneHints: readonly string[];
  readonly nodeHints: readonly string[];
  /** The pod behind it, in the slice's namespace unless it says another; undefined for other targets. */
  readonly pod: string | undefined;
}

/** The label by which a slice names its Service (KEP-752). */
export const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';

/** Reads a discovery.k8s.io/v1 EndpointSlice; throws `invalid` naming the field. */
export function parseEndpointSlice(raw: unknown): EndpointSlice {
  const root = Field.root('EndpointSlice', raw);
  const meta = readMeta(root);
  const addressType = readAddressType(root.at('addressType'));
  const service = meta.labels.get(SERVICE_NAME_LABEL);
  return {
    ...meta,
    service: service === '' ? undefined : service,
    addressType,
    ports: root.at('ports').list().map(readPort),
    endpoints: addressType === 'FQDN' ? [] : root.at('endpoints').list().map(readEndpoint),
  };
}

function readAddressType(field: Field): EndpointSlice['addressType'] {
  const type = field.text();
  if (type === 'IPv4' || type === 'IPv6' || type === 'FQDN') return type;
  return field.fail(`"${type}" is no address type`);
}

function readPort(field: Field): SlicePort {
  const port = field.at('port');
  const protocol = field.at('protocol');
  return {
    name: field.at('name').optionalText() ?? '',
    port: port.isAbsent ? undefined : port.parse(parsePort),
    protocol: protocol.isAbsent ? 'TCP' : protocol.parse(parseProtocol),
  };
}

/** An unknown `ready` counts as ready, an unknown `serving` as `ready` says (discovery/v1 EndpointConditions). */
function readEndpoint(field: Field): SliceEndpoint {
  const isReady = field.at('conditions.ready').bool(true);
  const addresses = field.at('addresses').list().map(readIp);
  if (addresses.length === 0) field.at('addresses').fail('must hold an address');
  const isPod = field.at('targetRef.kind').value === 'Pod';
  return {
    addresses,
    hostname: field.at('hostname').optionalText(),
    node: field.at('nodeName').optionalText(),
    isReady,
    isServing: field.at('conditions.serving').bool(isReady),
    isTerminating: field.at('conditions.terminating').bool(false),
    zoneHints: readHints(field.at('hints.forZones')),
    nodeHints: readHints(field.at('hints.forNodes')),
    pod: isPod ? field.at('targetRef.name').optionalText() : undefined,
  };
}

const NO_HINTS: readonly string[] = [];

function readHints(field: Field): readonly string[] {
  const hints = field.list();
  return hints.length === 0 ? NO_HINTS : hints.map((it) => it.at('name').text());
}
