// Validation of network policies and ingresses.

import { cidrHasCidr, cidrLength, cidrOf, parseInterfaceAddress, type Cidr } from '../../base/cidr.ts';
import { isObject, listOf, objectOf, scalarText, textOf, type Draft } from '../json.ts';
import { forbiddenField, invalidValue, notSupported, required, type FieldError } from './field-error.ts';
import { checkDnsSubdomain } from './names.ts';
import { portNumber, portReference } from './numbers.ts';
import { validateSelector } from './selectors.ts';

const POLICY_TYPES = ['Egress', 'Ingress'];

export function validateNetworkPolicy(object: Readonly<Draft>): readonly FieldError[] {
  const spec = objectOf(object['spec']);
  const errors = validateSelector(spec['podSelector'], 'spec.podSelector');
  for (const [i, type] of listOf(spec['policyTypes']).entries()) {
    if (!POLICY_TYPES.includes(String(type)))
      errors.push(notSupported(`spec.policyTypes[${i}]`, type, POLICY_TYPES));
  }
  for (const [direction, peers] of [
    ['ingress', 'from'],
    ['egress', 'to'],
  ] as const) {
    for (const [i, item] of listOf(spec[direction]).entries()) {
      const rule = objectOf(item);
      const at = `spec.${direction}[${i}]`;
      errors.push(
        ...listOf(rule['ports']).flatMap((port, j) =>
          validatePolicyPort(objectOf(port), `${at}.ports[${j}]`),
        ),
      );
      errors.push(
        ...listOf(rule[peers]).flatMap((peer, j) => validatePeer(objectOf(peer), `${at}.${peers}[${j}]`)),
      );
    }
  }
  return errors;
}

function validatePolicyPort({ port, endPort, protocol }: Readonly<Draft>, field: string): FieldError[] {
  const errors = ['TCP', 'UDP', 'SCTP'].includes(String(protocol))
    ? []
    : [notSupported(`${field}.protocol`, protocol, ['TCP', 'UDP', 'SCTP'])];
  if (port !== undefined) errors.push(...portReference(`${field}.port`, port));
  if (endPort === undefined) return errors;
  if (port === undefined)
    return [...errors, required(`${field}.port`, 'must be specified when endPort is set')];
  if (typeof port === 'string')
    return [...errors, invalidValue(`${field}.endPort`, endPort, 'may not be set when port is non-numeric')];
  if (typeof endPort === 'number' && endPort < Number(port)) {
    errors.push(invalidValue(`${field}.endPort`, endPort, 'must be greater than or equal to `port`'));
  }
  return [...errors, ...portNumber(`${field}.endPort`, endPort)];
}

function validatePeer(peer: Readonly<Draft>, field: string): FieldError[] {
  const { podSelector, namespaceSelector, ipBlock } = peer;
  const hasSelector = podSelector !== undefined || namespaceSelector !== undefined;
  const errors = [
    ...validateSelector(podSelector, `${field}.podSelector`),
    ...validateSelector(namespaceSelector, `${field}.namespaceSelector`),
  ];
  if (!hasSelector && ipBlock === undefined) return [required(field, 'must specify a peer')];
  if (ipBlock === undefined) return errors;
  if (hasSelector) errors.push(forbiddenField(field, 'may not specify both ipBlock and another peer'));
  return [...errors, ...validateBlock(objectOf(ipBlock), `${field}.ipBlock`)];
}

function validateBlock({ cidr, except }: Readonly<Draft>, field: string): FieldError[] {
  if (textOf(cidr) === undefined) return [required(`${field}.cidr`)];
  const block = tryParseCidr(cidr);
  if (block === undefined) return [invalidValue(`${field}.cidr`, cidr, 'not a valid CIDR')];
  return listOf(except).flatMap((item, i) => {
    const hole = tryParseCidr(item);
    const at = `${field}.except[${i}]`;
    if (hole === undefined) return [invalidValue(at, item, 'not a valid CIDR')];
    if (cidrHasCidr(block, hole) && cidrLength(hole) > cidrLength(block)) return [];
    return [invalidValue(at, item, `must be a strict subset of \`cidr\``)];
  });
}

/** Bits beyond the length do not count. */
function tryParseCidr(value: unknown): Cidr | undefined {
  try {
    const { ip, prefixLength } = parseInterfaceAddress(String(value));
    return cidrOf(ip, prefixLength);
  } catch {
    return undefined;
  }
}

const PATH_TYPES = ['Exact', 'ImplementationSpecific', 'Prefix'];

export function validateIngress(object: Readonly<Draft>): readonly FieldError[] {
  const spec = objectOf(object['spec']);
  const rules = listOf(spec['rules']);
  if (rules.length === 0 && spec['defaultBackend'] === undefined) {
    return [invalidValue('spec', rules, 'either `defaultBackend` or `rules` must be specified')];
  }
  const errors =
    spec['defaultBackend'] === undefined
      ? []
      : validateBackend(spec['defaultBackend'], 'spec.defaultBackend');
  return [...errors, ...rules.flatMap((rule, i) => validateRule(objectOf(rule), `spec.rules[${i}]`))];
}

function validateRule(rule: Readonly<Draft>, field: string): FieldError[] {
  const host = textOf(rule['host']);
  const wrong = host === undefined ? undefined : checkDnsSubdomain(host.replace(/^\*\./, ''));
  const errors = wrong === undefined ? [] : [invalidValue(`${field}.host`, host, wrong)];
  if (!isObject(rule['http'])) return errors;
  const paths = listOf(rule['http']['paths']);
  if (paths.length === 0) errors.push(required(`${field}.http.paths`));
  return [
    ...errors,
    ...paths.flatMap((path, i) => validatePath(objectOf(path), `${field}.http.paths[${i}]`)),
  ];
}

function validatePath({ path, pathType, backend }: Readonly<Draft>, field: string): FieldError[] {
  const errors = validateBackend(backend, `${field}.backend`);
  if (pathType === undefined) return [...errors, required(`${field}.pathType`, 'pathType must be specified')];
  if (!PATH_TYPES.includes(scalarText(pathType)))
    return [...errors, notSupported(`${field}.pathType`, pathType, PATH_TYPES)];
  const text = textOf(path) ?? '';
  const isOptional = pathType === 'ImplementationSpecific' && text === '';
  if (!isOptional && !text.startsWith('/'))
    errors.push(invalidValue(`${field}.path`, text, 'must be an absolute path'));
  return errors;
}

function validateBackend(backend: unknown, field: string): FieldError[] {
  const { service, resource } = objectOf(backend);
  if (resource !== undefined && service !== undefined) {
    return [invalidValue(field, '', 'cannot set both resource and service backends')];
  }
  if (resource !== undefined) return [];
  if (service === undefined) return [required(field, 'resource or service backend is required')];
  const { name, port } = objectOf(service);
  const { name: portName, number } = objectOf(port);
  const errors = textOf(name) === undefined ? [required(`${field}.service.name`)] : [];
  const hasNumber = typeof number === 'number' && number !== 0;
  if (hasNumber === (textOf(portName) !== undefined)) {
    errors.push(
      required(
        `${field}.service.port`,
        hasNumber ? 'cannot set both port name & port number' : 'port name or number is required',
      ),
    );
  } else if (hasNumber) errors.push(...portNumber(`${field}.service.port.number`, number));
  return errors;
}
