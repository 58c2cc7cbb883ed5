// What an Ingress's options do to requests, as the filters of its rules.

import type { ProxyFilter, ProxyRule } from '../../model/gateway.ts';
import type { IngressOptions } from './ingress-options.ts';

export interface FilterInputs {
  readonly options: IngressOptions;
  /** All rules of one name are counted together. */
  readonly of: string;
  /** Undefined for what no path leads to. */
  readonly path: string | undefined;
  /** Who asks who the client is. */
  readonly guards: readonly ProxyFilter[];
}

/** Who may not ask at all is refused first; browsers' preflights, which say nobody's name, are answered before anybody is asked; what is changed is changed last. */
export function filtersOf({ options, of, path, guards }: FilterInputs): readonly ProxyFilter[] {
  const { limits, allow, deny, maxBodyBytes, cors, redirect, upstreamVhost, forwardedPrefix } = options;
  const filters: ProxyFilter[] = limits === undefined ? [] : [{ kind: 'client-limits', of, ...limits }];
  if (allow.length > 0 || deny.length > 0) filters.push({ kind: 'sources', allow, deny });
  if (maxBodyBytes > 0) filters.push({ kind: 'body-size', maxBytes: maxBodyBytes });
  if (cors !== undefined) filters.push(cors);
  filters.push(...guards);
  if (redirect !== undefined) filters.push(redirect);
  const rewritten = path === undefined ? undefined : rewrittenTo(options, path);
  if (rewritten !== undefined || upstreamVhost !== undefined)
    filters.push({
      kind: 'rewrite',
      hostname: upstreamVhost,
      path: rewritten === undefined ? undefined : { type: 'captures', value: rewritten },
    });
  if (forwardedPrefix !== undefined)
    filters.push({
      kind: 'request-headers',
      set: [{ name: 'x-forwarded-prefix', value: forwardedPrefix }],
      add: [],
      remove: [],
    });
  return filters;
}

/** A path that is its own target is left as it is, and as a path. */
export function rewrittenTo({ rewriteTarget }: IngressOptions, path: string): string | undefined {
  return rewriteTarget === path ? undefined : rewriteTarget;
}

/** The place of its rule in the rule's id, which keeps its path from being read as a regular expression. */
export const APP_ROOT = 'app-root';

export function appRootRule(id: string, path: string): ProxyRule {
  return redirectRule(id, { ...SAME_PLACE, path: { type: 'full', value: path }, statusCode: 302 });
}

export function otherNameRule(id: string, hostname: string): ProxyRule {
  return redirectRule(id, { ...SAME_PLACE, hostname, statusCode: 308 });
}

const SAME_PLACE = {
  kind: 'redirect',
  scheme: undefined,
  hostname: undefined,
  port: undefined,
  path: undefined,
} as const;

export const HTTPS_RULE = redirectRule('Ingress/https-redirect', {
  ...SAME_PLACE,
  scheme: 'https',
  statusCode: 308,
});

function redirectRule(id: string, filter: ProxyFilter): ProxyRule {
  return { id, isGrpc: false, filters: [filter], backends: [], requestTimeoutMs: 0, backendTimeoutMs: 0 };
}
