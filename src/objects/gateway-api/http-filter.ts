// Reading the filters of HTTPRoutes and GRPCRoutes, with the defaults of absent fields decided here.

import type { Field } from '../slim-field.ts';
import type {
  HttpCors,
  HttpExternalAuth,
  HttpFilter,
  HttpMirror,
  HttpRedirect,
  HttpRewrite,
  PathModifier,
} from './http-route.ts';
import { readHeaderChange, readHeaderNames } from './named-match.ts';
import { optionalLowerCase, optionalPort, readBackend, readRef, texts } from './references.ts';

const REDIRECT_CODE = 302;
const CORS_MAX_AGE_S = 5;

const KINDS = {
  RequestHeaderModifier: 'request-headers',
  ResponseHeaderModifier: 'response-headers',
  RequestMirror: 'mirror',
  RequestRedirect: 'redirect',
  URLRewrite: 'rewrite',
  CORS: 'cors',
  ExternalAuth: 'external-auth',
  ExtensionRef: 'extension',
} as const;

const MODIFIERS = {
  'request-headers': 'requestHeaderModifier',
  'response-headers': 'responseHeaderModifier',
} as const;

const GRPC_KINDS: readonly HttpFilter['kind'][] = [
  'request-headers',
  'response-headers',
  'mirror',
  'extension',
];

export function readFilters(field: Field, namespace: string): readonly HttpFilter[] {
  return field.list().map((it) => readFilter(it, namespace));
}

export function readGrpcFilters(field: Field, namespace: string): readonly HttpFilter[] {
  return field.list().map((it) => {
    const filter = readFilter(it, namespace);
    return GRPC_KINDS.includes(filter.kind) ? filter : it.at('type').fail('must be a filter of GRPCRoutes');
  });
}

function readFilter(field: Field, namespace: string): HttpFilter {
  const kind = field.at('type').choice<HttpFilter['kind']>(KINDS);
  switch (kind) {
    case 'request-headers':
    case 'response-headers':
      return { kind, ...readHeaderChange(there(field.at(MODIFIERS[kind]))) };
    case 'mirror':
      return readMirror(field.at('requestMirror'), namespace);
    case 'redirect':
      return readRedirect(there(field.at('requestRedirect')));
    case 'rewrite':
      return readRewrite(there(field.at('urlRewrite')));
    case 'cors':
      return readCors(there(field.at('cors')));
    case 'external-auth':
      return readExternalAuth(field.at('externalAuth'), namespace);
    case 'extension':
      return { kind, ref: readRef(field.at('extensionRef'), { namespace }) };
  }
}

function there(field: Field): Field {
  return field.isAbsent ? field.fail('must be there for a filter of this type') : field;
}

/** All requests, unless it says which share. */
function readMirror(field: Field, namespace: string): HttpMirror {
  const [percent, fraction] = [field.at('percent'), field.at('fraction')];
  if (!percent.isAbsent && !fraction.isAbsent) return field.fail('must not have both percent and fraction');
  const numerator = fraction.isAbsent ? percent : fraction.at('numerator');
  const denominator = fraction.at('denominator').optionalInteger() ?? 100;
  const share = numerator.optionalInteger() ?? 100;
  if (denominator < 1 || share < 0 || share > denominator)
    return numerator.fail(`must be from 0 to the denominator, ${denominator}`);
  const backend = readBackend(field.at('backendRef'), namespace);
  return { kind: 'mirror', backend, numerator: share, denominator };
}

const REDIRECT_CODES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const SCHEMES = { http: 'http', https: 'https' } as const;

function readRedirect(field: Field): HttpRedirect {
  const scheme = field.at('scheme');
  const code = field.at('statusCode');
  const statusCode = code.optionalInteger() ?? REDIRECT_CODE;
  return {
    kind: 'redirect',
    scheme: scheme.isAbsent ? undefined : scheme.choice(SCHEMES),
    hostname: optionalLowerCase(field.at('hostname')),
    port: optionalPort(field.at('port')),
    path: readPathModifier(field.at('path')),
    statusCode: REDIRECT_CODES.has(statusCode) ? statusCode : code.fail('must be 301, 302, 303, 307 or 308'),
  };
}

function readRewrite(field: Field): HttpRewrite {
  return {
    kind: 'rewrite',
    hostname: optionalLowerCase(field.at('hostname')),
    path: readPathModifier(field.at('path')),
  };
}

const PATH_MODIFIERS = { ReplaceFullPath: 'full', ReplacePrefixMatch: 'prefix' } as const;

function readPathModifier(field: Field): PathModifier | undefined {
  if (field.isAbsent) return undefined;
  const type = field.at('type').choice<PathModifier['type']>(PATH_MODIFIERS);
  return { type, value: field.at(type === 'full' ? 'replaceFullPath' : 'replacePrefixMatch').text() };
}

/** Names of headers stay as written: they are what clients are told. */
function readCors(field: Field): HttpCors {
  const age = field.at('maxAge');
  const maxAgeS = age.optionalInteger() ?? CORS_MAX_AGE_S;
  return {
    kind: 'cors',
    allowOrigins: texts(field.at('allowOrigins')).map((it) => it.toLowerCase()),
    allowCredentials: field.at('allowCredentials').bool(false),
    allowMethods: texts(field.at('allowMethods')),
    allowHeaders: texts(field.at('allowHeaders')),
    exposeHeaders: texts(field.at('exposeHeaders')),
    maxAgeS: maxAgeS >= 0 ? maxAgeS : age.fail('must not be negative'),
  };
}

const AUTH_PROTOCOLS = { HTTP: 'http', GRPC: 'grpc' } as const;

function readExternalAuth(field: Field, namespace: string): HttpExternalAuth {
  const protocol = field.at('protocol').choice<HttpExternalAuth['protocol']>(AUTH_PROTOCOLS);
  const options = field.at(protocol);
  const body = field.at('forwardBody.maxSize');
  const forwardBodyBytes = body.optionalInteger() ?? 0;
  return {
    kind: 'external-auth',
    protocol,
    backend: readBackend(field.at('backendRef'), namespace),
    pathPrefix: field.at('http.path').optionalText() ?? '',
    allowedHeaders: readHeaderNames(options.at('allowedHeaders')),
    allowedResponseHeaders: readHeaderNames(field.at('http.allowedResponseHeaders')),
    forwardBodyBytes: forwardBodyBytes >= 0 ? forwardBodyBytes : body.fail('must not be negative'),
  };
}
