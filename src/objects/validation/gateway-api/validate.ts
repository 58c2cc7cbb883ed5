// Validation of the Gateway API's kinds: their schema first, then, where that found no gap, the rules that build on it, as an API server does it.

import { objectOf, type Draft } from '../../json.ts';
import { invalidValue, type FieldError } from '../field-error.ts';
import { atMost, atMostLong, type SchemaRule } from '../schema-rules.ts';
import { FILTER_TYPES } from './filters.ts';
import { GATEWAY_RULES, LISTENER_SET_RULES } from './gateway.ts';
import { GRPC_ROUTE_RULES, HTTP_ROUTE_RULES } from './http-route.ts';
import { BACKEND_TLS_POLICY_RULES, SERVER_NAME_RULES } from './policies.ts';
import { needsPort, PARENT_RULES, RULE_NAMES } from './routes.ts';

/**
 * Texts whose patterns, open at their beginning, take time here as the square of the length; the API server's take none. How long these are is
 * judged first, and nothing more where it is too long.
 */
const SLOW: readonly SchemaRule[] = [
  atMostLong('spec.listeners[].protocol', 255),
  atMostLong('spec.addresses[].type', 253),
];

/** What 1.6 and its experimental channel bound otherwise than the published schemas, which are of 1.5. */
const SHAPES: Readonly<Record<string, readonly SchemaRule[]>> = {
  'gateway.GatewayClass': [atMostLong('spec.description', 64)],
  'gateway.Gateway': [atMost('spec.infrastructure.annotations', 16)],
  'gateway.HTTPRoute': FILTER_TYPES,
  'gateway.TLSRoute': [atMost('spec.hostnames', 1024)],
  'gateway.TCPRoute': [atMost('spec.rules', 1)],
  'gateway.UDPRoute': [atMost('spec.rules', 1)],
  'gateway.BackendTLSPolicy': [atMost('spec.validation.caCertificateRefs', 16)],
};

/** Where the schemas know less: what they find there does not count, `SHAPES` has it right. */
const OVERRULED: Readonly<Record<string, readonly [reason: FieldError['reason'], field: RegExp]>> = {
  'gateway.Gateway': ['FieldValueTooMany', /^spec\.infrastructure\.annotations$/],
  'gateway.HTTPRoute': ['FieldValueNotSupported', /\.filters\[\d+\]\.type$/],
  'gateway.TLSRoute': ['FieldValueTooMany', /^spec\.hostnames$/],
  'gateway.BackendTLSPolicy': ['FieldValueTooMany', /^spec\.validation\.caCertificateRefs$/],
};

const STREAM_RULES = [...PARENT_RULES, RULE_NAMES, needsPort('spec.rules[].backendRefs[]')];

const RULES: Readonly<Record<string, readonly SchemaRule[]>> = {
  'gateway.Gateway': GATEWAY_RULES,
  'gateway.ListenerSet': LISTENER_SET_RULES,
  'gateway.HTTPRoute': HTTP_ROUTE_RULES,
  'gateway.GRPCRoute': GRPC_ROUTE_RULES,
  'gateway.TLSRoute': [...STREAM_RULES, ...SERVER_NAME_RULES],
  'gateway.TCPRoute': STREAM_RULES,
  'gateway.UDPRoute': STREAM_RULES,
  'gateway.BackendTLSPolicy': BACKEND_TLS_POLICY_RULES,
};

/** What is wrong so that rules could not make sense of the rest. */
const BLOCKING: readonly FieldError['reason'][] = [
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
];

const UNCHECKED = invalidValue(
  '<nil>',
  null,
  'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
);

export function isGatewayKind(message: string): boolean {
  return message.startsWith('gateway.');
}

export interface GatewayCheck {
  /** What the published schema says. */
  readonly schema: () => readonly FieldError[];
  /** The object as stored; undefined at creation. */
  readonly before: Readonly<Draft> | undefined;
}

export function validateGatewayKind(
  message: string,
  object: Readonly<Draft>,
  { schema, before }: GatewayCheck,
): readonly FieldError[] {
  const slow = applied(SLOW, object);
  if (slow.length > 0) return [...slow, UNCHECKED];
  const shape = [...schema().filter((it) => !isOverruled(message, it)), ...applied(SHAPES[message], object)];
  if (shape.some(({ reason }) => BLOCKING.includes(reason))) return [...shape, UNCHECKED];
  return [...shape, ...applied(RULES[message], object), ...validateImmutable(message, object, before)];
}

function isOverruled(message: string, { reason, field }: FieldError): boolean {
  const [knownReason, place] = OVERRULED[message] ?? [];
  return reason === knownReason && place?.test(field) === true;
}

function applied(rules: readonly SchemaRule[] = [], object: Readonly<Draft>): readonly FieldError[] {
  return rules.flatMap((rule) => rule(object));
}

function validateImmutable(
  message: string,
  object: Readonly<Draft>,
  before: Readonly<Draft> | undefined,
): readonly FieldError[] {
  if (message !== 'gateway.GatewayClass' || before === undefined) return [];
  const [next, old] = [object, before].map((it) => objectOf(it['spec'])['controllerName']);
  return next === old ? [] : [invalidValue('spec.controllerName', 'string', 'Value is immutable')];
}
