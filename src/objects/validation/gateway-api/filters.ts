// Rules of the filters of HTTPRoutes and GRPCRoutes, wherever these have them.

import { objectOf } from '../../json.ts';
import { isSet, keyedBy, matching, oneOf, onList, onObject, type SchemaRule } from '../schema-rules.ts';
import { needsPort } from './routes.ts';

/** Each type with the member that it needs, and that no other type has. */
const MEMBERS: readonly (readonly [type: string, member: string])[] = [
  ['CORS', 'cors'],
  ['RequestHeaderModifier', 'requestHeaderModifier'],
  ['ResponseHeaderModifier', 'responseHeaderModifier'],
  ['RequestMirror', 'requestMirror'],
  ['RequestRedirect', 'requestRedirect'],
  ['URLRewrite', 'urlRewrite'],
  ['ExternalAuth', 'externalAuth'],
  ['ExtensionRef', 'extensionRef'],
];
const GRPC_TYPES = ['RequestHeaderModifier', 'ResponseHeaderModifier', 'RequestMirror', 'ExtensionRef'];

/** With the one that the standard channel does not have. */
export const FILTER_TYPES: readonly SchemaRule[] = [
  'spec.rules[].filters',
  'spec.rules[].backendRefs[].filters',
].map((at) =>
  oneOf(
    `${at}[].type`,
    MEMBERS.map(([type]) => type),
  ),
);

const ONCE = ['CORS', 'RequestHeaderModifier', 'ResponseHeaderModifier', 'RequestRedirect', 'URLRewrite'];

/**
 * What can be sent as a header: the API brings the pattern after 1.6, and without it one line could become two. Its own way of writing it
 * takes a time here that doubles with every character.
 */
export function headerValues(at: string): SchemaRule {
  return matching(at, /^[!-~]+(?:[\t ][!-~]+)*$/, String.raw`^[!-~]+([\t ]?[!-~]+)*$`);
}

/** Rules of the lists of filters at a path such as "spec.rules[].filters". */
export function httpFilterRules(at: string): readonly SchemaRule[] {
  return [
    ...MEMBERS.flatMap((it) => memberRules(`${at}[]`, it)),
    onList(
      at,
      'May specify either httpRouteFilterRequestRedirect or httpRouteFilterRequestRewrite, but not both',
      (filters) => count(filters, 'RequestRedirect') === 0 || count(filters, 'URLRewrite') === 0,
    ),
    ...ONCE.map((type) => once(at, type)),
    ...headerRules(at),
    ...mirrorRules(at),
    ...pathModifierRules(`${at}[].requestRedirect.path`),
    ...pathModifierRules(`${at}[].urlRewrite.path`),
    ...corsRules(`${at}[].cors`),
    ...authRules(`${at}[].externalAuth`),
  ];
}

export function grpcFilterRules(at: string): readonly SchemaRule[] {
  return [
    ...MEMBERS.filter(([type]) => GRPC_TYPES.includes(type)).flatMap((it) => memberRules(`${at}[]`, it)),
    ...ONCE.filter((type) => GRPC_TYPES.includes(type)).map((type) => once(at, type)),
    ...headerRules(at),
    ...mirrorRules(at),
  ];
}

function memberRules(at: string, [type, member]: readonly [string, string]): readonly SchemaRule[] {
  return [
    onObject(
      at,
      `filter.${member} must be nil if the filter.type is not ${type}`,
      (self) => self[member] === undefined || self['type'] === type,
    ),
    onObject(
      at,
      `filter.${member} must be specified for ${type} filter.type`,
      (self) => self[member] !== undefined || self['type'] !== type,
    ),
  ];
}

function count(filters: readonly unknown[], type: string): number {
  return filters.filter((it) => objectOf(it)['type'] === type).length;
}

function once(at: string, type: string): SchemaRule {
  return onList(at, `${type} filter cannot be repeated`, (filters) => count(filters, type) <= 1);
}

function headerRules(at: string): readonly SchemaRule[] {
  return ['requestHeaderModifier', 'responseHeaderModifier'].flatMap((modifier) => [
    ...['set', 'add'].flatMap((list) => [
      keyedBy(`${at}[].${modifier}.${list}`, 'name'),
      headerValues(`${at}[].${modifier}.${list}[].value`),
    ]),
    isSet(`${at}[].${modifier}.remove`),
  ]);
}

function mirrorRules(at: string): readonly SchemaRule[] {
  const mirror = `${at}[].requestMirror`;
  return [
    onObject(
      mirror,
      'Only one of percent or fraction may be specified in HTTPRequestMirrorFilter',
      ({ percent, fraction }) => percent === undefined || fraction === undefined,
    ),
    onObject(
      `${mirror}.fraction`,
      'numerator must be less than or equal to denominator',
      ({ numerator, denominator }) => Number(numerator) <= Number(denominator),
    ),
    needsPort(`${mirror}.backendRef`),
  ];
}

function pathModifierRules(at: string): readonly SchemaRule[] {
  return [
    ...choiceRules(at, 'type', ['ReplaceFullPath', 'replaceFullPath']),
    ...choiceRules(at, 'type', ['ReplacePrefixMatch', 'replacePrefixMatch']),
  ];
}

/** The word at `name` and the member come together or not at all. */
function choiceRules(
  at: string,
  name: string,
  [word, member]: readonly [string, string],
): readonly SchemaRule[] {
  return [
    onObject(
      at,
      `${member} must be specified when ${name} is set to '${word}'`,
      (self) => self[name] !== word || self[member] !== undefined,
    ),
    onObject(
      at,
      `${name} must be '${word}' when ${member} is set`,
      (self) => self[member] === undefined || self[name] === word,
    ),
  ];
}

function corsRules(at: string): readonly SchemaRule[] {
  return [
    ...['allowOrigins', 'allowMethods', 'allowHeaders', 'exposeHeaders'].map((it) => isSet(`${at}.${it}`)),
    onlyStar(`${at}.allowOrigins`, "AllowOrigins cannot contain '*' alongside other origins"),
    onlyStar(`${at}.allowMethods`, "AllowMethods cannot contain '*' alongside other methods"),
    onlyStar(`${at}.allowHeaders`, "AllowHeaders cannot contain '*' alongside other methods"),
  ];
}

function onlyStar(at: string, message: string): SchemaRule {
  return onList(at, message, (list) => !list.includes('*') || list.length === 1);
}

function authRules(at: string): readonly SchemaRule[] {
  return [
    ...choiceRules(at, 'protocol', ['GRPC', 'grpc']),
    ...choiceRules(at, 'protocol', ['HTTP', 'http']),
    needsPort(`${at}.backendRef`),
    ...['grpc.allowedHeaders', 'http.allowedHeaders', 'http.allowedResponseHeaders'].map((list) =>
      isSet(`${at}.${list}`),
    ),
  ];
}
