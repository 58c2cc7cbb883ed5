// One entry of the compiled Ingresses as a rule of an HTTPRoute, and what of it the Gateway API cannot say.

import { readPlainRegex } from '../../base/plain-regex.ts';
import type { ProxyFilter, ProxyRule, RouteEntry } from '../../model/gateway.ts';
import type { Carries } from './migration.ts';
import { captureTarget, prefixOf, type PathForm } from './route-path.ts';

export interface RouteRule {
  readonly matches: readonly unknown[];
  readonly filters?: readonly unknown[];
  readonly backendRefs?: readonly unknown[];
  readonly timeouts?: unknown;
  readonly sessionPersistence?: unknown;
}

/** Where backends of the model lead, by their ids. */
export type BackendPlaces = ReadonlyMap<string, BackendPlace>;

export interface BackendPlace {
  readonly name: string;
  readonly port: number;
  /** TLS is spoken to it. */
  readonly isTls: boolean;
  readonly persistence: { readonly name: string; readonly absoluteTimeoutMs: number | undefined } | undefined;
}

export interface MadeRule {
  readonly rule: RouteRule;
  readonly findings: readonly { readonly carries: Carries; readonly message: string }[];
}

export const HTTPS_REDIRECT = {
  type: 'RequestRedirect',
  requestRedirect: { scheme: 'https', statusCode: 308 },
};

export interface RuleForm {
  readonly places: BackendPlaces;
  readonly form: PathForm;
}

export function ruleOfEntry(entry: RouteEntry, rule: ProxyRule | undefined, form: RuleForm): MadeRule {
  return new RuleMaker(entry, rule, form).make();
}

class RuleMaker {
  readonly #entry: RouteEntry;
  readonly #rule: ProxyRule | undefined;
  readonly #form: RuleForm;
  readonly #findings: { carries: Carries; message: string }[] = [];
  /** What refuses requests cannot be left out. */
  #isClosed = false;

  constructor(entry: RouteEntry, rule: ProxyRule | undefined, form: RuleForm) {
    this.#entry = entry;
    this.#rule = rule;
    this.#form = form;
  }

  make(): MadeRule {
    const { headers } = this.#entry;
    const path = this.#path();
    const match = {
      path,
      ...(headers.length === 0
        ? {}
        : {
            headers: headers.map(({ type, name, value }) => ({
              type: type === 'exact' ? 'Exact' : 'RegularExpression',
              name,
              value: type === 'exact' ? value : this.#common(value),
            })),
          }),
    };
    const filters = (this.#rule?.filters ?? []).flatMap((it) => this.#filter(it));
    const backendRefs = this.#backendRefs();
    const redirects = filters.some((it) => it.type === 'RequestRedirect');
    if (this.#isClosed) return { rule: { matches: [match] }, findings: this.#findings };
    if (backendRefs.length === 0 && !redirects) this.#say('not', 'it answers 500');
    if (this.#findings.length === 0) this.#say('whole', `HTTPRoute, ${path.type} ${path.value}`);
    const timeoutMs = this.#rule?.backendTimeoutMs ?? 0;
    return {
      rule: {
        matches: [match],
        ...(filters.length === 0 ? {} : { filters }),
        ...(redirects || backendRefs.length === 0 ? {} : { backendRefs }),
        ...(redirects || timeoutMs === 0 ? {} : { timeouts: { backendRequest: `${timeoutMs}ms` } }),
        ...this.#sessionPersistence(),
      },
      findings: this.#findings,
    };
  }

  #path(): { readonly type: string; readonly value: string } {
    const { type, value } = this.#entry.path;
    if (type === 'exact') return { type: 'Exact', value };
    if (type === 'prefix') return { type: 'PathPrefix', value };
    const prefix = this.#form.form === 'prefix' ? prefixOf(value, captureTarget(this.#rule)) : undefined;
    if (prefix === undefined) {
      this.#say(
        'changed',
        'a RegularExpression, for letters in this case alone; each implementation has its own kind of them',
      );
      return { type: 'RegularExpression', value: this.#common(value.replace(/^\(\?i\)/, '')) };
    }
    if (prefix.prefix !== '/')
      this.#say(
        'changed',
        `PathPrefix ${prefix.prefix}: of whole path elements, and letters in this case alone`,
      );
    return { type: 'PathPrefix', value: prefix.prefix };
  }

  /** What is not of the kind that all implementations read alike is not to be relied on for who gets a request. */
  #common(expression: string): string {
    if (readPlainRegex(expression) === undefined) {
      this.#isClosed = true;
      this.#say('not', `${expression} is no regular expression of the common dialect: the rule answers 500`);
    }
    return expression;
  }

  #filter(filter: ProxyFilter): readonly { readonly type: string; readonly [field: string]: unknown }[] {
    switch (filter.kind) {
      case 'sources':
        this.#isClosed = true;
        this.#say(
          'not',
          'no filter asks for addresses, as the source ranges do: the rule answers 500 until another policy guards it',
        );
        return [];
      case 'mirror':
        return this.#mirror(filter.backend);
      case 'client-certificate':
        this.#isClosed = true;
        this.#say(
          'not',
          'a Gateway asks for certificates by its port (spec.tls.frontend): the rule answers 500',
        );
        return [];
      case 'client-limits':
        this.#say('not', 'no filter counts requests, as limit-rps, limit-rpm and limit-connections do');
        return [];
      case 'basic-auth':
        this.#isClosed = true;
        this.#say(
          'not',
          'no filter asks for names and passwords: the rule answers 500 until another policy guards it',
        );
        return [];
      case 'auth-request':
        this.#isClosed = true;
        this.#say(
          'not',
          `ExternalAuth asks by the request's own path behind ${filter.path}, not at that path alone, as auth-url does: the rule answers 500 until another policy guards it`,
        );
        return [];
      case 'body-size':
        this.#say('not', 'no filter bounds bodies, as proxy-body-size does');
        return [];
      case 'cors':
        return [{ type: 'CORS', cors: corsOf(filter) }];
      case 'redirect':
        return [{ type: 'RequestRedirect', requestRedirect: redirectOf(filter) }];
      case 'rewrite':
        return this.#rewrite(filter);
      case 'request-headers':
        return [{ type: 'RequestHeaderModifier', requestHeaderModifier: { set: filter.set } }];
      default:
        this.#isClosed = true;
        this.#say('not', `no filter is like ${filter.kind}`);
        return [];
    }
  }

  #mirror(backend: string): readonly { readonly type: string }[] {
    const place = this.#form.places.get(backend);
    this.#say(
      'not',
      `a RequestMirror names Service ${place?.name ?? ''} with its namespace, and a ReferenceGrant there`,
    );
    return [];
  }

  #rewrite({
    hostname,
    path,
  }: Extract<ProxyFilter, { kind: 'rewrite' }>): readonly { readonly type: string }[] {
    const modifier = path === undefined ? undefined : this.#pathModifier(path.value);
    if (path !== undefined && modifier === undefined) {
      this.#isClosed = true;
      this.#say('not', `no filter puts what groups caught into ${path.value}: the rule answers 500`);
      return [];
    }
    return [
      {
        type: 'URLRewrite',
        urlRewrite: {
          ...(hostname === undefined ? {} : { hostname }),
          ...(modifier === undefined ? {} : { path: modifier }),
        },
      } as { readonly type: string },
    ];
  }

  #pathModifier(target: string): object | undefined {
    const prefix = this.#form.form === 'prefix' ? prefixOf(this.#entry.path.value, target) : undefined;
    if (prefix !== undefined && !prefix.isFull) {
      if (prefix.replacement !== '/')
        this.#say(
          'changed',
          `${prefix.prefix} itself becomes ${prefix.replacement}, without a slash at its end`,
        );
      return { type: 'ReplacePrefixMatch', replacePrefixMatch: prefix.replacement };
    }
    return target.includes('$') ? undefined : { type: 'ReplaceFullPath', replaceFullPath: target };
  }

  /** Without backends a rule answers 500, as the Ingress does whose backend is not there. */
  #backendRefs(): readonly unknown[] {
    const backends = this.#rule?.backends ?? [];
    return backends.flatMap(({ backend, weight }) => {
      const place = backend === undefined ? undefined : this.#form.places.get(backend);
      if (place === undefined) return [];
      const { name, port, isTls } = place;
      if (isTls) {
        this.#isClosed = true;
        this.#say(
          'not',
          `TLS to Service ${name} needs a BackendTLSPolicy with its name and authority: the rule answers 500`,
        );
      }
      return [backends.length === 1 ? { name, port } : { name, port, weight }];
    });
  }

  #sessionPersistence(): object {
    const [first] = this.#rule?.backends ?? [];
    const found =
      first?.backend === undefined ? undefined : this.#form.places.get(first.backend)?.persistence;
    if (found === undefined) return {};
    const { name, absoluteTimeoutMs } = found;
    this.#say('changed', 'sessionPersistence is in the experimental channel of the Gateway API');
    const lasting =
      absoluteTimeoutMs === undefined
        ? {}
        : { absoluteTimeout: `${absoluteTimeoutMs}ms`, cookieConfig: { lifetimeType: 'Permanent' } };
    return { sessionPersistence: { type: 'Cookie', sessionName: name, ...lasting } };
  }

  #say(carries: Carries, message: string): void {
    this.#findings.push({ carries, message });
  }
}

function redirectOf({
  scheme,
  hostname,
  port,
  path,
  statusCode,
}: Extract<ProxyFilter, { kind: 'redirect' }>): object {
  return {
    ...(scheme === undefined ? {} : { scheme }),
    ...(hostname === undefined ? {} : { hostname }),
    ...(port === undefined ? {} : { port }),
    ...(path === undefined ? {} : { path: { type: 'ReplaceFullPath', replaceFullPath: path.value } }),
    statusCode,
  };
}

function corsOf({
  allowOrigins,
  allowMethods,
  allowHeaders,
  exposeHeaders,
  allowCredentials,
  maxAgeS,
}: Extract<ProxyFilter, { kind: 'cors' }>): object {
  return {
    allowOrigins,
    allowMethods,
    allowHeaders,
    ...(exposeHeaders.length === 0 ? {} : { exposeHeaders }),
    allowCredentials,
    maxAge: maxAgeS,
  };
}
