// Validation of ClusterNetworkPolicies: what the schema of their custom resource demands (sigs.k8s.io/network-policy-api v0.2.0, experimental
// channel). Everything is bounded there, so that one policy can be judged at all.

import { parseInterfaceAddress } from '../../base/cidr.ts';
import { isObject, listOf, objectOf, scalarText, textOf, type Draft } from '../json.ts';
import {
  duplicate,
  forbiddenField,
  invalidValue,
  notSupported,
  required,
  tooLong,
  tooMany,
  type FieldError,
} from './field-error.ts';
import { portNumber } from './numbers.ts';
import { validateSelector } from './selectors.ts';

const TIERS = ['Admin', 'Baseline'];
const ACTIONS = ['Accept', 'Deny', 'Pass'];
const MAX_PRIORITY = 1000;
/** Of rules in a direction, peers and protocols in a rule, networks and names in a peer. */
const MAX_ITEMS = 25;
const MAX_NAME_BYTES = 100;
const MAX_CIDR_BYTES = 43;
const DOMAIN_LABEL = '[a-zA-Z0-9]([-a-zA-Z0-9_]*[a-zA-Z0-9])?';
/** At least two labels; a star stands for one and more before them. */
const DOMAIN_NAME = new RegExp(`^(\\*\\.)?(${DOMAIN_LABEL}\\.)+${DOMAIN_LABEL}\\.?$`);
/** Peers whose ports have no names. */
const NAMELESS = ['nodes', 'networks', 'domainNames'];

export function validateClusterNetworkPolicy(object: Readonly<Draft>): readonly FieldError[] {
  if (!isObject(object['spec'])) return [required('spec')];
  const { tier, priority, subject, ingress, egress } = object['spec'];
  return [
    ...oneOf('spec.tier', tier, TIERS),
    ...validatePriority(priority),
    ...(isObject(subject) ? validatePods(subject, 'spec.subject') : [required('spec.subject')]),
    ...validateRules(ingress, { field: 'spec.ingress', peers: 'from' }),
    ...validateRules(egress, { field: 'spec.egress', peers: 'to' }),
  ];
}

function oneOf(field: string, value: unknown, supported: readonly string[]): FieldError[] {
  if (value === undefined) return [required(field)];
  return supported.includes(scalarText(value)) ? [] : [notSupported(field, value, supported)];
}

function validatePriority(priority: unknown): FieldError[] {
  if (priority === undefined) return [required('spec.priority')];
  const isInRange = typeof priority === 'number' && priority >= 0 && priority <= MAX_PRIORITY;
  return isInRange
    ? []
    : [invalidValue('spec.priority', priority, `must be between 0 and ${MAX_PRIORITY}, inclusive`)];
}

interface Direction {
  readonly field: string;
  readonly peers: 'from' | 'to';
}

function validateRules(rules: unknown, { field, peers }: Direction): FieldError[] {
  return [
    ...atMost(field, listOf(rules)),
    ...listOf(rules).flatMap((item, i) => {
      const rule = objectOf(item);
      const at = `${field}[${i}]`;
      return [
        ...validateRule(rule, at),
        ...filled(`${at}.${peers}`, rule[peers]),
        ...listOf(rule[peers]).flatMap((peer, j) => validatePeer(objectOf(peer), `${at}.${peers}[${j}]`)),
        ...validateNames(rule, listOf(rule[peers]), at),
      ];
    }),
  ];
}

function validateRule({ name, action, protocols }: Readonly<Draft>, field: string): FieldError[] {
  const isLong = Buffer.byteLength(textOf(name) ?? '') > MAX_NAME_BYTES;
  return [
    ...(isLong ? [tooLong(`${field}.name`, MAX_NAME_BYTES)] : []),
    ...oneOf(`${field}.action`, action, ACTIONS),
    ...(protocols === undefined ? [] : filled(`${field}.protocols`, protocols)),
    ...listOf(protocols).flatMap((it, i) => validateProtocol(objectOf(it), `${field}.protocols[${i}]`)),
  ];
}

/** What is no pod has no ports with names. */
function validateNames(rule: Readonly<Draft>, peers: readonly unknown[], field: string): FieldError[] {
  const hasNamed = listOf(rule['protocols']).some((it) => 'destinationNamedPort' in objectOf(it));
  const isNameless = peers.some((peer) => NAMELESS.some((name) => name in objectOf(peer)));
  if (!hasNamed || !isNameless) return [];
  return [forbiddenField(`${field}.protocols`, `destinationNamedPort: ${NAMELESS.join(', ')} have none`)];
}

function validatePeer(peer: Readonly<Draft>, field: string): FieldError[] {
  const { nodes, networks, domainNames } = peer;
  return [
    ...validatePods(peer, field),
    ...validateSelector(nodes, `${field}.nodes`),
    ...validateSet(`${field}.networks`, networks, validateCidr),
    ...validateSet(`${field}.domainNames`, domainNames, validateDomainName),
  ];
}

/** A subject or peer: exactly one of its members is there. */
function validatePods(choice: Readonly<Draft>, field: string): FieldError[] {
  const { namespaces, pods } = choice;
  const errors = [...exactlyOne(choice, field), ...validateSelector(namespaces, `${field}.namespaces`)];
  if (!isObject(pods)) return errors;
  const { namespaceSelector, podSelector } = pods;
  return [
    ...errors,
    ...validateSelector(namespaceSelector, `${field}.pods.namespaceSelector`),
    ...(podSelector === undefined ? [required(`${field}.pods.podSelector`)] : []),
    ...validateSelector(podSelector, `${field}.pods.podSelector`),
  ];
}

function exactlyOne(choice: Readonly<Draft>, field: string): FieldError[] {
  const members = Object.keys(choice);
  if (members.length === 1) return [];
  if (members.length === 0) return [required(field, 'exactly one member')];
  return [invalidValue(field, members, 'must have exactly one member')];
}

function validateProtocol(protocol: Readonly<Draft>, field: string): FieldError[] {
  const errors = exactlyOne(protocol, field);
  if (protocol['destinationNamedPort'] === '') errors.push(required(`${field}.destinationNamedPort`));
  for (const name of ['tcp', 'udp', 'sctp']) {
    const ports = protocol[name];
    if (ports === undefined) continue;
    const { destinationPort } = objectOf(ports);
    const at = `${field}.${name}.destinationPort`;
    errors.push(...(destinationPort === undefined ? [required(at)] : validatePort(destinationPort, at)));
  }
  return errors;
}

function validatePort(port: unknown, field: string): FieldError[] {
  const { number, range } = objectOf(port);
  const errors = exactlyOne(objectOf(port), field);
  if (number !== undefined) errors.push(...portNumber(`${field}.number`, number));
  if (range === undefined) return errors;
  const { start, end } = objectOf(range);
  const ends = [...portNumber(`${field}.range.start`, start), ...portNumber(`${field}.range.end`, end)];
  if (ends.length > 0 || Number(start) < Number(end)) return [...errors, ...ends];
  return [...errors, invalidValue(`${field}.range`, range, 'start must be less than end')];
}

/** An absent list is fine here, an empty one is not; nothing may stand in it twice. */
function validateSet(
  field: string,
  list: unknown,
  check: (item: string) => string | undefined,
): FieldError[] {
  if (list === undefined) return [];
  const seen = new Set<string>();
  return [
    ...filled(field, list),
    ...listOf(list).flatMap((it, i) => {
      const text = String(it);
      if (seen.has(text)) return [duplicate(`${field}[${i}]`, text)];
      seen.add(text);
      const wrong = check(text);
      return wrong === undefined ? [] : [invalidValue(`${field}[${i}]`, text, wrong)];
    }),
  ];
}

function validateCidr(text: string): string | undefined {
  if (text.length > MAX_CIDR_BYTES) return `must be no more than ${MAX_CIDR_BYTES} characters`;
  try {
    // Host bits are no mistake here: they do not count.
    parseInterfaceAddress(text);
    return undefined;
  } catch {
    return 'not a valid CIDR';
  }
}

function validateDomainName(text: string): string | undefined {
  return DOMAIN_NAME.test(text) ? undefined : `must match ${DOMAIN_NAME.source}`;
}

function filled(field: string, list: unknown): FieldError[] {
  const items = listOf(list);
  return items.length === 0 ? [required(field, 'at least one item')] : atMost(field, items);
}

function atMost(field: string, items: readonly unknown[]): FieldError[] {
  return items.length > MAX_ITEMS ? [tooMany(field, items.length, MAX_ITEMS)] : [];
}
