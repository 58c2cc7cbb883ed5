// Validation of Services, Endpoints and EndpointSlices. Addresses and node ports are judged where they are allocated.

import { familyOf, tryParseIp } from '../../base/ip.ts';
import { listOf, objectOf, scalarText, textOf, type Draft } from '../json.ts';
import {
  duplicate,
  forbiddenField,
  invalidValue,
  notSupported,
  required,
  type FieldError,
} from './field-error.ts';
import { validateLabels } from './metadata.ts';
import { checkDnsLabel, checkDnsSubdomain } from './names.ts';
import { portNumber, portReference } from './numbers.ts';
import { validateEndpointIp } from './service-address.ts';
import { validateExposure } from './service-exposure.ts';

const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];
const MAX_AFFINITY_SECONDS = 86_400;

export function validateService(service: Readonly<Draft>, before?: Readonly<Draft>): readonly FieldError[] {
  const spec = objectOf(service['spec']);
  const type = spec['type'];
  const isHeadless = spec['clusterIP'] === 'None';
  const errors = validatePorts(listOf(spec['ports']), 'spec.ports');
  if (!TYPES.includes(String(type))) errors.push(notSupported('spec.type', type, TYPES));
  if (listOf(spec['ports']).length === 0 && !isHeadless && type !== 'ExternalName')
    errors.push(required('spec.ports'));
  if (isHeadless && (type === 'NodePort' || type === 'LoadBalancer')) {
    errors.push(invalidValue('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${type} services`));
  }
  if (type === 'ExternalName') errors.push(...validateExternalName(spec));
  errors.push(
    ...validateLabels(spec['selector'], 'spec.selector'),
    ...validateExposure(service, before === undefined ? undefined : objectOf(before['spec'])),
    ...validateAffinity(spec),
  );
  return errors;
}

function validateExternalName(spec: Readonly<Draft>): FieldError[] {
  const name = textOf(spec['externalName'])?.replace(/\.$/, '');
  if (name === undefined) return [required('spec.externalName')];
  const wrong = checkDnsSubdomain(name);
  const errors = wrong === undefined ? [] : [invalidValue('spec.externalName', name, wrong)];
  if (textOf(spec['clusterIP']) !== undefined)
    errors.push(forbiddenField('spec.clusterIP', "may not be set when `type` is 'ExternalName'"));
  return errors;
}

function validatePorts(ports: readonly unknown[], field: string): FieldError[] {
  const names = new Set<string>();
  const numbers = new Set<string>();
  return ports.flatMap((item, i) => {
    const { name, port, protocol, targetPort, appProtocol } = objectOf(item);
    const at = `${field}[${i}]`;
    const errors = [
      ...validatePortName(textOf(name), { at, isNeeded: ports.length > 1, names }),
      ...portNumber(`${at}.port`, port),
    ];
    if (!PROTOCOLS.includes(String(protocol)))
      errors.push(notSupported(`${at}.protocol`, protocol, PROTOCOLS));
    if (targetPort !== undefined) errors.push(...portReference(`${at}.targetPort`, targetPort));
    const number = `${scalarText(port)}/${scalarText(protocol)}`;
    if (numbers.has(number)) errors.push(duplicate(at, { port, protocol }));
    numbers.add(number);
    if (appProtocol !== undefined && textOf(appProtocol) === undefined)
      errors.push(required(`${at}.appProtocol`));
    return errors;
  });
}

interface PortName {
  readonly at: string;
  readonly isNeeded: boolean;
  readonly names: Set<string>;
}

function validatePortName(name: string | undefined, { at, isNeeded, names }: PortName): FieldError[] {
  if (name === undefined) return isNeeded ? [required(`${at}.name`)] : [];
  const wrong = checkDnsLabel(name);
  if (wrong !== undefined) return [invalidValue(`${at}.name`, name, wrong)];
  if (names.has(name)) return [duplicate(`${at}.name`, name)];
  names.add(name);
  return [];
}

function validateAffinity(spec: Readonly<Draft>): FieldError[] {
  const affinity = spec['sessionAffinity'];
  if (affinity !== 'None' && affinity !== 'ClientIP')
    return [notSupported('spec.sessionAffinity', affinity, ['ClientIP', 'None'])];
  const { timeoutSeconds } = objectOf(objectOf(spec['sessionAffinityConfig'])['clientIP']);
  if (typeof timeoutSeconds !== 'number') return [];
  if (timeoutSeconds > 0 && timeoutSeconds <= MAX_AFFINITY_SECONDS) return [];
  const field = 'spec.sessionAffinityConfig.clientIP.timeoutSeconds';
  return [
    invalidValue(field, timeoutSeconds, `must be greater than 0 and less than ${MAX_AFFINITY_SECONDS}`),
  ];
}

export function validateEndpoints(endpoints: Readonly<Draft>): readonly FieldError[] {
  return listOf(endpoints['subsets']).flatMap((item, i) => {
    const subset = objectOf(item);
    const at = `subsets[${i}]`;
    const lists = ['addresses', 'notReadyAddresses'] as const;
    const errors = lists.flatMap((list) =>
      listOf(subset[list]).flatMap((address, j) =>
        validateEndpointIp(objectOf(address)['ip'], `${at}.${list}[${j}].ip`),
      ),
    );
    if (lists.every((list) => listOf(subset[list]).length === 0))
      errors.push(required(at, 'must specify `addresses` or `notReadyAddresses`'));
    return [
      ...errors,
      ...listOf(subset['ports']).flatMap((port, j) =>
        portNumber(`${at}.ports[${j}].port`, objectOf(port)['port']),
      ),
    ];
  });
}

const ADDRESS_TYPES = ['FQDN', 'IPv4', 'IPv6'];
const MAX_ENDPOINTS = 1000;
const MAX_SLICE_PORTS = 20_000;

export function validateEndpointSlice(
  slice: Readonly<Draft>,
  before: Readonly<Draft> | undefined,
): readonly FieldError[] {
  const type = slice['addressType'];
  const endpoints = listOf(slice['endpoints']);
  const errors: FieldError[] = [];
  if (textOf(type) === undefined) errors.push(required('addressType'));
  else if (!ADDRESS_TYPES.includes(String(type)))
    errors.push(notSupported('addressType', type, ADDRESS_TYPES));
  if (before !== undefined && before['addressType'] !== type)
    errors.push(invalidValue('addressType', type, 'field is immutable'));
  if (endpoints.length > MAX_ENDPOINTS)
    errors.push(invalidValue('endpoints', endpoints.length, `must have at most ${MAX_ENDPOINTS} items`));
  if (listOf(slice['ports']).length > MAX_SLICE_PORTS)
    errors.push(invalidValue('ports', '', `must have at most ${MAX_SLICE_PORTS} items`));
  return [
    ...errors,
    ...endpoints.flatMap((item, i) =>
      validateAddresses(listOf(objectOf(item)['addresses']), `endpoints[${i}].addresses`, type),
    ),
  ];
}

function validateAddresses(addresses: readonly unknown[], field: string, type: unknown): FieldError[] {
  if (addresses.length === 0) return [required(field, 'must contain at least 1 address')];
  if (type === 'FQDN') return [];
  return addresses.flatMap((address, i) => {
    const at = `${field}[${i}]`;
    const ip = tryParseIp(String(address));
    if (ip !== undefined && `IPv${familyOf(ip)}` !== type)
      return [invalidValue(at, address, `must be an ${String(type)} address`)];
    return validateEndpointIp(address, at);
  });
}
