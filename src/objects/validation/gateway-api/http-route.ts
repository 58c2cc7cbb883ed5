// Rules of HTTPRoutes and GRPCRoutes beyond the types of their fields.

import { parseDuration } from '../../gateway-api/duration.ts';
import { listOf, objectOf, scalarText, textOf, type Draft } from '../../json.ts';
import { atLeast, isSet, keyedBy, onObject, type SchemaRule } from '../schema-rules.ts';
import { grpcFilterRules, headerValues, httpFilterRules } from './filters.ts';
import { hasOne, MATCH_COUNT, needsPort, PARENT_RULES, RULE_NAMES } from './routes.ts';

const RULES = 'spec.rules[]';
const LITERAL = "['Exact', 'PathPrefix']";
const PATH = "^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+$";
const PATH_PATTERN = new RegExp(PATH);

type Value = Readonly<Draft>;

/** What a literal path must be, in words and as a test. */
const PATHS: readonly (readonly [message: string, holds: (path: string) => boolean])[] = [
  [
    `value must be an absolute path and start with '/' when type one of ${LITERAL}`,
    (path) => path.startsWith('/'),
  ],
  ...['//', '/./', '/../', '%2f', '%2F', '#'].map(
    (part) =>
      [
        `must not contain '${part}' when type one of ${LITERAL}`,
        (path: string) => !path.includes(part),
      ] as const,
  ),
  ...['/..', '/.'].map(
    (end) =>
      [
        `must not end with '${end}' when type one of ${LITERAL}`,
        (path: string) => !path.endsWith(end),
      ] as const,
  ),
  [
    `must only contain valid characters (matching ${PATH}) for types ${LITERAL}`,
    (path) => PATH_PATTERN.test(path),
  ],
];

export const HTTP_ROUTE_RULES: readonly SchemaRule[] = [
  ...PARENT_RULES,
  RULE_NAMES,
  MATCH_COUNT,
  ...PATHS.map(([message, holds]) =>
    onObject(
      `${RULES}.matches[].path`,
      message,
      ({ type, value }) => type === 'RegularExpression' || holds(scalarText(value)),
    ),
  ),
  keyedBy(`${RULES}.matches[].headers`, 'name'),
  headerValues(`${RULES}.matches[].headers[].value`),
  keyedBy(`${RULES}.matches[].queryParams`, 'name'),
  onObject(
    RULES,
    'RequestRedirect filter must not be used together with backendRefs',
    ({ backendRefs, filters }) =>
      listOf(backendRefs).length === 0 ||
      listOf(filters).every((it) => objectOf(it)['requestRedirect'] === undefined),
  ),
  ...[
    ['RequestRedirect', 'requestRedirect', 'when'] as const,
    ['URLRewrite', 'urlRewrite', 'When'] as const,
  ].flatMap(([type, member, when]) => {
    const demand = `using ${type} filter with path.replacePrefixMatch, exactly one PathPrefix match must be specified`;
    return [
      onObject(RULES, `When ${demand}`, (rule) => !replacesPrefix(rule, member) || hasOnePrefix(rule)),
      onObject(
        RULES,
        `Within backendRefs, ${when} ${demand}`,
        (rule) => !hasOne(rule['backendRefs'], (it) => replacesPrefix(it, member)) || hasOnePrefix(rule),
      ),
    ];
  }),
  onObject(
    `${RULES}.timeouts`,
    'backendRequest timeout cannot be longer than request timeout',
    ({ request, backendRequest }) => {
      const [whole, one] = [durationOf(request), durationOf(backendRequest)];
      return whole === undefined || one === undefined || whole === 0 || one <= whole;
    },
  ),
  atLeast(`${RULES}.retry.attempts`, 1),
  isSet(`${RULES}.retry.codes`),
  ...persistenceRules(),
  ...httpFilterRules(`${RULES}.filters`),
  needsPort(`${RULES}.backendRefs[]`),
  ...httpFilterRules(`${RULES}.backendRefs[].filters`),
];

function replacesPrefix({ filters }: Value, member: string): boolean {
  return hasOne(filters, (filter) => {
    const { type, replacePrefixMatch } = objectOf(objectOf(filter[member])['path']);
    return type === 'ReplacePrefixMatch' && replacePrefixMatch !== undefined;
  });
}

function hasOnePrefix({ matches }: Value): boolean {
  const [match, ...more] = listOf(matches);
  return more.length === 0 && objectOf(objectOf(match)['path'])['type'] === 'PathPrefix';
}

function durationOf(value: unknown): number | undefined {
  const text = textOf(value);
  return text === undefined ? undefined : parseDuration(text);
}

function persistenceRules(): readonly SchemaRule[] {
  return [
    onObject(
      `${RULES}.sessionPersistence`,
      'AbsoluteTimeout must be specified when cookie lifetimeType is Permanent',
      ({ cookieConfig, absoluteTimeout }) =>
        objectOf(cookieConfig)['lifetimeType'] !== 'Permanent' || absoluteTimeout !== undefined,
    ),
  ];
}

const METHOD = `${RULES}.matches[].method`;
const GRPC_SERVICE = '\\.?[a-z_][a-z_0-9]*(\\.[a-z_][a-z_0-9]*)*$';
const GRPC_METHOD = '^[A-Za-z_][A-Za-z_0-9]*$';

export const GRPC_ROUTE_RULES: readonly SchemaRule[] = [
  ...PARENT_RULES,
  RULE_NAMES,
  MATCH_COUNT,
  onObject(
    METHOD,
    "One or both of 'service' or 'method' must be specified",
    ({ service, method }) => service !== undefined || method !== undefined,
  ),
  onObject(
    METHOD,
    `service must only contain valid characters (matching ^(?i)${GRPC_SERVICE})`,
    ({ type, service }) =>
      type !== 'Exact' ||
      service === undefined ||
      new RegExp(`^${GRPC_SERVICE}`, 'i').test(scalarText(service)),
  ),
  onObject(
    METHOD,
    `method must only contain valid characters (matching ${GRPC_METHOD})`,
    ({ type, method }) =>
      type !== 'Exact' || method === undefined || new RegExp(GRPC_METHOD).test(scalarText(method)),
  ),
  keyedBy(`${RULES}.matches[].headers`, 'name'),
  headerValues(`${RULES}.matches[].headers[].value`),
  ...persistenceRules(),
  ...grpcFilterRules(`${RULES}.filters`),
  needsPort(`${RULES}.backendRefs[]`),
  ...grpcFilterRules(`${RULES}.backendRefs[].filters`),
];
