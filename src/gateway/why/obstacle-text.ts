// What keeps a rule from a request, in words that say what to change.

import type { NamedMatch } from '../../objects/gateway-api/common.ts';
import type { PathMatch } from '../../objects/gateway-api/http-route.ts';
import type { AnyRoute } from '../../oracle/route-attach.ts';
import type { NearMiss, Obstacle } from '../../oracle/route-explain.ts';
import { hostOf } from '../../oracle/route-host.ts';
import type { OwnedListener } from '../../oracle/route-listener.ts';
import type { GatewayRequest } from '../../oracle/route-objects.ts';
import type { Precedence } from '../../oracle/route-precedence.ts';
import { callText, matchText, refText } from './words.ts';

export function obstacleText({ of, because }: NearMiss, request: GatewayRequest): string {
  switch (because.kind) {
    case 'path':
      return pathObstacle(because.path, request.path);
    case 'method':
      return `the method is ${request.method}, the rule wants ${because.method}`;
    case 'header':
      return valueObstacle('header', because);
    case 'query':
      return valueObstacle('parameter', because);
    case 'call':
      return `${request.path} is not the ${callText(because.call)}`;
    case 'precedence':
      return precedenceText(because.by);
    case 'hostnames':
      return hostObstacle(of, request);
    case 'not-grpc':
      return 'it has gRPC alone, and the request has no content-type application/grpc';
    case 'unreadable':
      return 'it is dropped: a regular expression of it is outside of the common dialect';
    case 'not-attached':
      return `not attached: ${attachmentText(of, because)}`;
    case 'elsewhere':
      return `attached to ${because.listeners.map(listenerText).join(', ')} alone`;
    default:
      return because satisfies never;
  }
}

export function precedenceText(by: Precedence): string {
  return `it has the request, too, but ${PRECEDENCES[by]}`;
}

const PRECEDENCES: Readonly<Record<Precedence, string>> = {
  hostname: 'a more specific hostname goes first',
  default: 'paths go before default backends',
  path: 'a longer or exact path goes first',
  method: 'a match with a method goes first',
  headers: 'more headers go first',
  query: 'more parameters go first',
  age: 'the older route goes first',
  name: 'of equal ones the first by name goes first',
  kind: 'of equal ones GRPCRoutes go first',
  position: 'of equal ones the first in the route goes first',
};

export function pathObstacle({ type, value }: PathMatch, path: string): string {
  if (type === 'regex') return `path ${path} as a whole is not like ${value}`;
  if (type === 'exact') {
    const isLonger = path.startsWith(value);
    return `path ${path} is not ${value}${isLonger ? ' exactly' : ''}`;
  }
  const isLetters = path.startsWith(value);
  return `path ${path} is not within ${value}${isLetters ? ' by whole elements' : ''}`;
}

function valueObstacle(
  what: string,
  { match, actual }: { readonly match: NamedMatch; readonly actual: string | undefined },
): string {
  const { type, name, value } = match;
  const is = actual === undefined ? 'is absent' : `is "${actual}"`;
  return `${what} ${name} ${is}, the rule wants ${type === 'exact' ? `"${value}"` : `something like ${value}`}`;
}

function hostObstacle({ kind, route }: AnyRoute, { host, tls }: GatewayRequest): string {
  const name = kind === 'TLSRoute' ? tls?.serverName : hostOf(host);
  const names = route.hostnames.join(', ');
  if (name === undefined) return `it is for ${names}, and no name is asked for`;
  const isBare = route.hostnames.some((it) => it === `*.${name}`);
  return isBare
    ? `${names} does not have ${name} itself, only names below it`
    : `${route.hostnames.length === 1 ? `hostname ${names} does` : `hostnames ${names} do`} not have ${name}`;
}

type NotAttached = Extract<Obstacle, { readonly kind: 'not-attached' }>;

/** The reasons as the condition Accepted has them, and what they mean of this route. */
function attachmentText({ kind, route }: AnyRoute, { parent, reasons }: NotAttached): string {
  const [reason = ''] = reasons;
  const section = parent.sectionName === undefined ? '' : ` ${parent.sectionName}`;
  const port = parent.port === undefined ? '' : ` at port ${parent.port}`;
  const words: Readonly<Record<string, string>> = {
    NoMatchingParent: `${parent.kind} ${parent.namespace}/${parent.name} has no listener${section}${port}`,
    NotAllowedByListeners: `no listener lets ${kind}s of namespace ${route.namespace} in`,
    NoMatchingListenerHostname: `no listener has a name of ${route.hostnames.join(', ')}`,
    UnsupportedValue: 'no rule of it can be served',
  };
  return `${reason}: ${words[reason] ?? 'the Gateway refuses it'}`;
}

export function listenerText({ owner, listener }: OwnedListener): string {
  return owner.kind === 'Gateway'
    ? `listener ${listener.name}`
    : `listener ${listener.name} of ${refText({ ...owner, group: '' })}`;
}

/** "HTTPRoute shop/web rule 1 (canary)", with the match where the rule has several. */
export function ruleText({ kind, route }: AnyRoute, rule: number | undefined): string {
  const name = rule === undefined ? undefined : route.rules[rule]?.name;
  const place = rule === undefined ? '' : ` rule ${rule}${name === undefined ? '' : ` (${name})`}`;
  return `${kind} ${route.namespace}/${route.name}${place}`;
}

export function matchOf(
  of: AnyRoute,
  rule: number | undefined,
  match: number | undefined,
): string | undefined {
  if (rule === undefined || match === undefined || (of.kind !== 'HTTPRoute' && of.kind !== 'GRPCRoute'))
    return undefined;
  const found = of.route.rules[rule]?.matches[match];
  return found && matchText(found);
}
