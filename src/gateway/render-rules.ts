// What happens to the requests of a rule, as a tree for Lua. Pure.

import type { ProxyFilter, ProxyHeaderChange, ProxyPathChange, ProxyRule } from '../model/gateway.ts';
import type { Tree } from './proxy-text.ts';

/** Name of the HAProxy backend that stands for a backend of the model; undefined where it has none (yet). */
export type SlotOf = (backend: string) => string | undefined;

/** The HAProxy backend where nothing but the way there is to be done; undefined where Lua is needed. */
export function directBackend(rule: ProxyRule, slotOf: SlotOf): string | undefined {
  const [first, ...others] = rule.backends;
  const isPlain = rule.filters.length === 0 && rule.requestTimeoutMs === 0 && rule.backendTimeoutMs === 0;
  if (!isPlain || first === undefined || others.length > 0) return undefined;
  if (first.filters.length > 0 || first.weight <= 0 || first.backend === undefined) return undefined;
  return slotOf(first.backend);
}

/** Without a rule: what answers 500. */
export function ruleTree(id: string, rule: ProxyRule | undefined, slotOf: SlotOf): Tree {
  const backends = (rule?.backends ?? []).map(({ backend, weight, filters }) => [
    backend === undefined ? '' : (slotOf(backend) ?? ''),
    String(weight),
    filtersTree(filters, slotOf),
  ]);
  const numbers = [rule?.requestTimeoutMs ?? 0, rule?.backendTimeoutMs ?? 0].map(String);
  return [
    id,
    rule?.isGrpc === true ? 'grpc' : '',
    ...numbers,
    filtersTree(rule?.filters ?? [], slotOf),
    backends,
  ];
}

function filtersTree(filters: readonly ProxyFilter[], slotOf: SlotOf): Tree {
  return filters.map((filter) => filterTree(filter, slotOf));
}

function filterTree(filter: ProxyFilter, slotOf: SlotOf): Tree {
  switch (filter.kind) {
    case 'request-headers':
    case 'response-headers':
      return [filter.kind, ...headersTree(filter)];
    case 'mirror':
      return [filter.kind, slotOf(filter.backend) ?? '', String(filter.share)];
    case 'redirect':
      return [
        filter.kind,
        filter.scheme ?? '',
        filter.hostname ?? '',
        filter.port === undefined ? '' : String(filter.port),
        pathTree(filter.path),
        String(filter.statusCode),
      ];
    case 'rewrite':
      return [filter.kind, filter.hostname ?? '', pathTree(filter.path)];
    case 'cors': {
      const { allowOrigins, allowMethods, allowHeaders, exposeHeaders } = filter;
      const credentials = filter.allowCredentials ? 'yes' : '';
      return [
        filter.kind,
        allowOrigins,
        credentials,
        allowMethods,
        allowHeaders,
        exposeHeaders,
        String(filter.maxAgeS),
      ];
    }
    case 'external-auth':
      return [
        filter.kind,
        filter.protocol,
        slotOf(filter.backend) ?? '',
        filter.pathPrefix,
        filter.allowedHeaders,
        filter.allowedResponseHeaders,
        String(filter.forwardBodyBytes),
      ];
    default:
      return filter satisfies never;
  }
}

function headersTree({ set, add, remove }: ProxyHeaderChange): readonly Tree[] {
  const pairs = (list: ProxyHeaderChange['set']): Tree => list.map(({ name, value }) => [name, value]);
  return [pairs(set), pairs(add), remove];
}

function pathTree(path: ProxyPathChange | undefined): Tree {
  return path === undefined ? [] : [path.type, path.value];
}
