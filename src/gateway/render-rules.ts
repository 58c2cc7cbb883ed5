// What happens to the requests of a rule, as a tree for Lua. Pure.

import type { ProxyFilter, ProxyHeaderChange, ProxyPathChange, ProxyRule } from '../model/gateway.ts';
import type { AuthRequest, PasswordUser } from '../model/request-guards.ts';
import { treeText, type Tree } from './proxy-text.ts';
import { limitsTree } from './render-limits.ts';

/** Name of the HAProxy backend that stands for a backend of the model; undefined where it has none (yet). */
export type SlotOf = (backend: string) => string | undefined;

/** The HAProxy backend where nothing but the way there is to be done; undefined where Lua is needed. */
export function directBackend(rule: ProxyRule, slotOf: SlotOf): string | undefined {
  const [first, ...others] = rule.backends;
  const isPlain = rule.filters.length === 0 && rule.requestTimeoutMs === 0 && rule.backendTimeoutMs === 0;
  if (!isPlain || first === undefined || others.length > 0) return undefined;
  if (
    first.cookieAttributes !== undefined ||
    first.filters.length > 0 ||
    first.weight <= 0 ||
    first.backend === undefined
  )
    return undefined;
  return slotOf(first.backend);
}

export interface RuleContext {
  readonly slotOf: SlotOf;
  isRetried(backend: string): boolean;
  /** Told of what cannot be done as it is written, by the id of its rule, which is not followed then. */
  onProblem(rule: string, problem: string): void;
}

/** Without a rule: what answers 500. */
export function ruleTree(id: string, rule: ProxyRule | undefined, context: RuleContext): Tree {
  const { slotOf } = context;
  const filters = (list: readonly ProxyFilter[]): Tree =>
    list.map((filter) => filterTree(filter, slotOf, (problem) => context.onProblem(id, problem)));
  const backends = (rule?.backends ?? []).map((it) => [
    it.backend === undefined ? '' : (slotOf(it.backend) ?? ''),
    String(it.weight),
    filters(it.filters),
    it.backend !== undefined && context.isRetried(it.backend) ? 'retried' : '',
    isCookieAttributes(it.cookieAttributes) ? it.cookieAttributes : '',
  ]);
  const numbers = [rule?.requestTimeoutMs ?? 0, rule?.backendTimeoutMs ?? 0].map(String);
  const body = rule !== undefined && wantsBody(rule) ? 'body' : '';
  return [
    // As a map would say it: requests are told of by that.
    treeText(id),
    rule?.isGrpc === true ? 'grpc' : '',
    ...numbers,
    filters(rule?.filters ?? []),
    backends,
    body,
  ];
}

function wantsBody({ filters, backends }: ProxyRule): boolean {
  const all = [...filters, ...backends.flatMap((it) => it.filters)];
  return all.some((it) => it.kind === 'external-auth' && it.forwardBodyBytes > 0);
}

function filterTree(filter: ProxyFilter, slotOf: SlotOf, onProblem: (problem: string) => void): Tree {
  switch (filter.kind) {
    case 'sources':
      return [filter.kind, filter.allow, filter.deny];
    case 'body-size':
      return [filter.kind, String(filter.maxBytes)];
    case 'request-headers':
    case 'response-headers':
      return [filter.kind, ...headersTree(filter, onProblem)];
    case 'mirror':
      return [filter.kind, slotOf(filter.backend) ?? '', String(filter.share)];
    case 'redirect': {
      const port = filter.port === undefined ? '' : String(filter.port);
      const host = hostText(filter.hostname, onProblem);
      return [
        filter.kind,
        filter.scheme ?? '',
        host,
        port,
        pathTree(filter.path, onProblem),
        String(filter.statusCode),
      ];
    }
    case 'rewrite':
      return [filter.kind, hostText(filter.hostname, onProblem), pathTree(filter.path, onProblem)];
    case 'cors': {
      const { allowOrigins, allowMethods, allowHeaders, exposeHeaders } = filter;
      const lists = [allowMethods, allowHeaders, exposeHeaders].map((it) =>
        fine(it, isHeaderValue, onProblem),
      );
      const origins = fine(allowOrigins, isHeaderValue, onProblem);
      return [filter.kind, origins, filter.allowCredentials ? 'yes' : '', ...lists, String(filter.maxAgeS)];
    }
    case 'external-auth': {
      const slot = slotOf(filter.backend) ?? '';
      if (slot === '') onProblem('who is to be asked for authorization is not there');
      const prefix = pathText(filter.pathPrefix, onProblem);
      const headers = [filter.allowedHeaders, filter.allowedResponseHeaders].map((list) =>
        fine(list, isToken, onProblem).map((it) => it.toLowerCase()),
      );
      return [filter.kind, filter.protocol, slot, prefix, ...headers, String(filter.forwardBodyBytes)];
    }
    case 'client-limits':
      return limitsTree(filter);
    case 'client-certificate':
      return [filter.kind, filter.verify, filter.subject ?? '', filter.passesCertificate ? 'whole' : ''];
    case 'basic-auth':
      return [filter.kind, fine([filter.realm], isHeaderValue, onProblem), filter.users.map(userTree)];
    case 'auth-request':
      return authRequestTree(filter, slotOf, onProblem);
    default:
      return filter satisfies never;
  }
}

function userTree({ name, hash: { scheme, salt, rounds, digest } }: PasswordUser): Tree {
  return [name, scheme, salt, String(rounds), digest];
}

/** Without a backend it is the proxy that is asked. */
function authRequestTree(filter: AuthRequest, slotOf: SlotOf, onProblem: (problem: string) => void): Tree {
  const { backend, host, path, method, redirect, signIn, responseHeaders, alwaysSetsCookies } = filter;
  const slot = backend === undefined ? 'itself' : (slotOf(backend) ?? '');
  if (slot === '') onProblem('who is to be asked for authorization is not there');
  const texts = fine([host, path, redirect, signIn ?? ''], isHeaderValue, onProblem);
  const headers = fine(responseHeaders, isHeaderName, onProblem);
  return [filter.kind, slot, method, headers, alwaysSetsCookies ? 'always' : '', ...texts];
}

/** Where a message ends and how its connection is used is HAProxy's to say: with these in hand a route would put requests into the connections of others. */
const FRAMING = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

function headersTree(
  { set, add, remove }: ProxyHeaderChange,
  onProblem: (problem: string) => void,
): readonly Tree[] {
  const isPair = ({ name, value }: ProxyHeaderChange['set'][number]): boolean =>
    isHeaderName(name) && isHeaderValue(value);
  const pairs = (list: ProxyHeaderChange['set']): Tree =>
    fine(list, isPair, onProblem).map(({ name, value }) => [name, value]);
  return [pairs(set), pairs(add), fine(remove, isHeaderName, onProblem)];
}

function isHeaderName(name: string): boolean {
  return isToken(name) && !FRAMING.has(name.toLowerCase());
}

function isToken(name: string): boolean {
  return /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}$/.test(name);
}

function isCookieAttributes(text: string | undefined): text is string {
  return text !== undefined && text.length <= 4096 && /^[!-~]+(?: [!-~]+)*$/.test(text);
}

/** Nothing that ends a line, nor any other control character. */
function isHeaderValue(value: string): boolean {
  return value.length <= 4096 && !/[^\t -~\u0080-\uffff]/.test(value);
}

function fine<T>(
  list: readonly T[],
  isFine: (it: T) => boolean,
  onProblem: (problem: string) => void,
): readonly T[] {
  return list.filter((it) => {
    if (isFine(it)) return true;
    onProblem(`no header of a message: ${JSON.stringify(it).slice(0, 100)}`);
    return false;
  });
}

function hostText(hostname: string | undefined, onProblem: (problem: string) => void): string {
  if (hostname === undefined) return '';
  if (/^[A-Za-z0-9._-]{1,253}$/.test(hostname)) return hostname;
  onProblem(`no hostname: ${JSON.stringify(hostname).slice(0, 100)}`);
  return '';
}

function pathTree(path: ProxyPathChange | undefined, onProblem: (problem: string) => void): Tree {
  return path === undefined ? [] : [path.type, pathText(path.value, onProblem)];
}

function pathText(value: string, onProblem: (problem: string) => void): string {
  // A prefix may be replaced by nothing; what stands in the request's place begins with a slash otherwise, and no query or fragment begins in it.
  if (value.length <= 4096 && /^(?:\/[!-"$->@-~]*)?$/.test(value)) return value;
  onProblem(`no path: ${JSON.stringify(value).slice(0, 100)}`);
  return '';
}
