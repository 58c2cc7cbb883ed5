// The paths of Ingresses as HTTPRoutes have them. Regular expressions of ingress-nginx mostly say "this prefix, and the rest of it for the backend"; that the Gateway API says better.

import type { ProxyRule, RouteEntry } from '../../model/gateway.ts';

/** How regular expressions of a host are written. All of one host in one form: the order between the forms is another one than ingress-nginx's. */
export type PathForm = 'prefix' | 'regex';

export interface PrefixPath {
  readonly prefix: string;
  /** What the prefix is replaced by; undefined where the path stays. */
  readonly replacement: string | undefined;
  /** The whole path is replaced. */
  readonly isFull: boolean;
}

/** Whether everything that the host's entries ask for can be said by prefixes. */
export function arePrefixes(entries: readonly RouteEntry[], rules: ReadonlyMap<string, ProxyRule>): boolean {
  return entries.every(
    (it) =>
      it.path.type !== 'regex' || prefixOf(it.path.value, captureTarget(rules.get(it.rule))) !== undefined,
  );
}

/** What the rule makes of the path by the groups of its expression. */
export function captureTarget(rule: ProxyRule | undefined): string | undefined {
  const rewrite = rule?.filters.find((it) => it.kind === 'rewrite');
  return rewrite?.path?.type === 'captures' ? rewrite.path.value : undefined;
}

/** "/api(/|$)(.*)" with "/$2", or a path without any sign of an expression. */
export function prefixOf(expression: string, target: string | undefined): PrefixPath | undefined {
  const text = expression.replace(/^\(\?i\)/, '').replace(/\.\*$/, '');
  if (/^\/[A-Za-z0-9/_-]*$/.test(text)) {
    if (target?.includes('$') === true) return undefined;
    return { prefix: trimmed(text), replacement: target, isFull: target !== undefined };
  }
  const groups = /^(\/[A-Za-z0-9/_-]*)\(\/\|\$\)\(\.\*\)$/.exec(text);
  const rest = target === undefined ? undefined : /^(\/(?:[^$]*\/)?)\$2$/.exec(target);
  if (groups === null || rest === null) return undefined;
  return {
    prefix: trimmed(groups[1] ?? '/'),
    replacement: rest === undefined ? undefined : trimmed(rest[1] ?? '/'),
    isFull: false,
  };
}

function trimmed(path: string): string {
  return path.replace(/(?<=.)\/+$/, '');
}
