// Validation of network policies.

import { cidrHasCidr, cidrLength, cidrOf, parseInterfaceAddress, type Cidr } from '../../base/cidr.ts';
import { listOf, objectOf, textOf, type Draft } from '../json.ts';
import { forbiddenField, invalidValue, notSupported, required, type FieldError } from './field-error.ts';
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
