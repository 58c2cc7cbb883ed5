// All that one Ingress brings to the proxy of its class. Pure: the same inputs give the same parts.

import type { ProxyFilter, ProxyRule, RouteEntry, StreamTarget } from '../../model/gateway.ts';
import type { IngressProblem } from '../../model/ingress-verdict.ts';
import type { Ingress, IngressBackend, IngressPath } from '../../objects/ingress.ts';
import { objectKey } from '../../objects/slim-meta.ts';
import {
  TO_ANYBODY,
  type BackendInputs,
  type BackendShape,
  type BackendWay,
  type ResolvedBackend,
  type TlsAnswer,
} from './backends.ts';
import { Grants } from './grants.ts';
import type { Hostname } from './hostnames.ts';
import { resolveIngressBackend } from './ingress-backend.ts';
import type { IngressClientTls } from './ingress-client-tls.ts';
import { NGINX_PREFIX, readAnnotations } from './ingress-annotations.ts';
import { APP_ROOT, appRootRule, otherNameRule, filtersOf, rewrittenTo } from './ingress-filters.ts';
import { resolveGuards, type IngressGuards, type IngressInputs } from './ingress-guards.ts';
import type { CanaryOptions, IngressOptions } from './ingress-options.ts';
import { passedHosts } from './ingress-passthrough.ts';
import { resolveNamed } from './ingress-services.ts';
import type { RankedEntry } from './precedence.ts';

export interface IngressParts {
  readonly ingress: Ingress;
  /** By host, each with the entries of all rules that have it. */
  readonly hosts: ReadonlyMap<Hostname, readonly IngressEntry[]>;
  /** Of names that are redirected to its own, where nobody has rules for them. */
  readonly otherNames: ReadonlyMap<string, RouteEntry>;
  /** Those whose TLS goes on as it came. */
  readonly passed: ReadonlyMap<string, StreamTarget>;
  /** What the clients of its hosts have to show. */
  readonly clientTls: IngressClientTls | undefined;
  /** What takes the requests that no rule takes; undefined where the Ingress says nothing. */
  readonly rest: RouteEntry | undefined;
  /** Those whose paths, of all Ingresses, it turns into regular expressions. */
  readonly regexHosts: ReadonlySet<Hostname>;
  readonly rules: readonly ProxyRule[];
  readonly ways: readonly BackendWay[];
  readonly problems: readonly IngressProblem[];
}

export interface IngressEntry {
  readonly ranked: RankedEntry;
  /** HTTP is answered by a redirect. */
  readonly isHttpsAlone: boolean;
  /** Takes a share of another Ingress's entry, and nothing where there is none. */
  readonly canary: CanaryOptions | undefined;
}

export function ingressParts(ingress: Ingress, inputs: IngressInputs): IngressParts {
  return new PartsCompiler(ingress, inputs).compile();
}

/** Keys of the Services that it names; what its parts depend on beside itself. */
export function servicesOfIngress(ingress: Ingress): readonly string[] {
  const { namespace, rules, defaultBackend } = ingress;
  const backends = rules.flatMap(({ paths }) => paths.map((it) => it.backend));
  const all = defaultBackend === undefined ? backends : [...backends, defaultBackend];
  const keys = all.flatMap((it) => (it.kind === 'service' ? [objectKey({ namespace, name: it.name })] : []));
  const { authRequest, mirror } = readAnnotations(ingress).options;
  for (const it of [authRequest, mirror]) if (it?.service !== undefined) keys.push(objectKey(it.service));
  return [...new Set(keys)];
}

const NOTHING_PASSED: ReadonlyMap<string, StreamTarget> = new Map();

/** Ingresses name what is in their own namespace; no grant says otherwise. */
const NO_GRANTS = new Grants([]);

class PartsCompiler {
  readonly #ingress: Ingress;
  readonly #options: IngressOptions;
  readonly #inputs: BackendInputs;
  readonly #hosts = new Map<Hostname, IngressEntry[]>();
  readonly #regexHosts = new Set<Hostname>();
  readonly #otherNames = new Map<string, RouteEntry>();
  readonly #rules: ProxyRule[] = [];
  readonly #ways: BackendWay[] = [];
  readonly #problems: IngressProblem[] = [];
  readonly #guards: IngressGuards;
  readonly #mirrors: readonly ProxyFilter[];
  /** What protects cannot be had: requests are answered 500. */
  #isClosed: boolean;

  constructor(ingress: Ingress, inputs: IngressInputs) {
    const { options, findings } = readAnnotations(ingress);
    const tls: TlsAnswer = options.isTls ? { kind: 'tls', tls: TO_ANYBODY } : { kind: 'plain' };
    this.#ingress = ingress;
    this.#options = options;
    this.#inputs = { grants: NO_GRANTS, services: inputs.services, tlsOf: () => tls };
    for (const { name, effect, message } of findings) {
      if (effect === 'closed') this.#refuse(name, message);
      if (effect === 'not') this.#problem('AnnotationIgnored', `${NGINX_PREFIX}${name}: ${message}`);
    }
    this.#guards = resolveGuards(ingress, inputs);
    for (const [name, message] of this.#guards.refusals) this.#refuse(name, message);
    if (this.#guards.unusable !== undefined) this.#problem('PasswordsNotUsable', this.#guards.unusable);
    this.#ways.push(...this.#guards.ways);
    this.#mirrors = this.#mirror();
    this.#isClosed = options.closed !== undefined || this.#guards.refusals.size > 0;
  }

  #refuse(annotation: string, message: string): void {
    this.#problem('AnnotationRefused', `${NGINX_PREFIX}${annotation}: requests are answered 500: ${message}`);
  }

  compile(): IngressParts {
    const { rules, defaultBackend } = this.#ingress;
    const passed = this.#options.isPassed ? this.#passed() : NOTHING_PASSED;
    this.#isClosed ||= this.#options.isPassed;
    for (const [ruleIndex, { host, paths }] of rules.entries())
      for (const name of new Set([host, ...(host === undefined ? [] : this.#options.hostAliases)])) {
        // A host without paths is known all the same: its requests are the default backend's.
        if (!this.#hosts.has(name)) this.#hosts.set(name, []);
        for (const [matchIndex, it] of paths.entries()) this.#add(name, it, { ruleIndex, matchIndex });
      }
    this.#addAppRoot();
    this.#addOtherNames();
    const rest =
      defaultBackend === undefined
        ? undefined
        : entryOf({ type: 'prefix', value: '/' }, this.#rule('default', defaultBackend));
    return {
      ingress: this.#ingress,
      hosts: this.#hosts,
      otherNames: this.#otherNames,
      passed,
      clientTls: this.#guards.clientTls,
      rest,
      regexHosts: this.#regexHosts,
      rules: this.#rules,
      ways: this.#ways,
      problems: this.#problems,
    };
  }

  #add(host: Hostname, { type, path, backend }: IngressPath, at: Place): void {
    const rule = this.#rule(`${at.ruleIndex}/${at.matchIndex}`, backend, path);
    if (this.#options.isRegex || rewrittenTo(this.#options, path) !== undefined) this.#regexHosts.add(host);
    this.#put(host, entryOf(matchOf(type, path), rule), at);
  }

  #put(host: Hostname, entry: RouteEntry, at: Place): void {
    this.#hosts.get(host)?.push({
      ranked: { entry, route: this.#ingress, ...at, isMethodOnly: false, headerCount: 0 },
      isHttpsAlone: this.#isHttpsAlone(host),
      canary: this.#options.canary,
    });
  }

  /** Before every rule, as it is the whole path. */
  #addAppRoot(): void {
    const { appRoot } = this.#options;
    if (appRoot === undefined) return;
    const rule = appRootRule(`Ingress/${objectKey(this.#ingress)}/${APP_ROOT}`, appRoot);
    this.#rules.push(rule);
    for (const host of this.#hosts.keys())
      this.#put(host, entryOf({ type: 'exact', value: '/' }, rule.id), { ruleIndex: -1, matchIndex: 0 });
  }

  /** Which are redirected to those that the rules have. */
  #addOtherNames(): void {
    if (!this.#options.isOfBothNames) return;
    for (const host of this.#hosts.keys()) {
      if (host === undefined || host.startsWith('*.')) continue;
      const other = host.startsWith('www.') ? host.slice('www.'.length) : `www.${host}`;
      const rule = otherNameRule(`Ingress/${objectKey(this.#ingress)}/${other}`, host);
      this.#rules.push(rule);
      this.#otherNames.set(other, entryOf({ type: 'prefix', value: '/' }, rule.id));
    }
  }

  /** Whoever cannot have a copy gets none: the request itself goes on. */
  #mirror(): readonly ProxyFilter[] {
    const { mirror } = this.#options;
    if (mirror === undefined) return [];
    const found = resolveNamed(mirror.service, mirror.isTls, this.#inputs.services);
    if ('problem' in found) {
      this.#problem(found.problem.reason, `${NGINX_PREFIX}mirror-target: ${found.problem.message}`);
      return [];
    }
    this.#ways.push(found.way);
    return [{ kind: 'mirror', backend: found.way.id, share: 1 }];
  }

  #isHttpsAlone(host: Hostname): boolean {
    const { httpsRedirect, isPassed } = this.#options;
    if (isPassed || this.#guards.clientTls !== undefined) return true;
    if (httpsRedirect !== 'tls-hosts') return httpsRedirect === 'always';
    return this.#ingress.tls.some(
      ({ hosts }) => hosts.length === 0 || (host !== undefined && hosts.includes(host)),
    );
  }

  /** Gives its id. A backend that is not there is an answer of its own, so that no other rule's backend gets its requests. */
  #rule(place: string, backend: IngressBackend, path?: string): string {
    const of = `Ingress/${objectKey(this.#ingress)}`;
    const id = `${of}/${place}`;
    if (this.#rules.some((it) => it.id === id)) return id;
    const found = this.#resolve(backend);
    if ('way' in found) this.#ways.push(found.way);
    else this.#problem(found.problem.reason, found.problem.message);
    const [options, guards] = [this.#options, this.#guards.filters];
    const { cookieAttributes } = options;
    const isOpen = 'way' in found && !this.#isClosed;
    this.#rules.push({
      id,
      isGrpc: this.#options.isGrpc,
      filters: this.#isClosed ? [] : [...filtersOf({ options, of, path, guards }), ...this.#mirrors],
      backends: [{ backend: isOpen ? found.way.id : undefined, weight: 1, filters: [], cookieAttributes }],
      requestTimeoutMs: 0,
      backendTimeoutMs: this.#options.readTimeoutMs,
    });
    return id;
  }

  #resolve(backend: IngressBackend, more: Partial<BackendShape> = {}): ResolvedBackend {
    const { isGrpc, retry, persistence, connectTimeoutMs } = this.#options;
    const shape = {
      carries: 'http' as const,
      isPassed: false,
      isGrpc,
      retry,
      persistence,
      connectTimeoutMs,
      ...more,
    };
    return resolveIngressBackend(this.#inputs, this.#ingress.namespace, backend, shape);
  }

  /** TLS that is passed on is seen by nobody who could refuse a request: with such a guard it goes nowhere. */
  #passed(): ReadonlyMap<string, StreamTarget> {
    const guarded = ['sources', 'client-limits', ...this.#guards.filters.map(({ kind }) => kind)];
    const filters = filtersOf({
      options: this.#options,
      of: '',
      path: undefined,
      guards: this.#guards.filters,
    });
    const isGuarded = this.#isClosed || filters.some(({ kind }) => guarded.includes(kind));
    if (isGuarded)
      this.#refuse('ssl-passthrough', 'nobody sees requests that other annotations are to refuse');
    const { targets, problems } = passedHosts(this.#ingress, (backend) => {
      const found = this.#resolve(backend, {
        carries: 'bytes',
        isPassed: true,
        isGrpc: false,
        ...PLAIN_STREAM,
      });
      if (isGuarded || 'problem' in found) return undefined;
      this.#ways.push(found.way);
      return found.way.id;
    });
    for (const it of problems) this.#refuse('ssl-passthrough', it);
    return targets;
  }

  #problem(reason: string, message: string): void {
    if (!this.#problems.some((it) => it.message === message)) this.#problems.push({ reason, message });
  }
}

const PLAIN_STREAM = { retry: undefined, persistence: undefined, connectTimeoutMs: undefined };

interface Place {
  readonly ruleIndex: number;
  readonly matchIndex: number;
}

function entryOf(path: RouteEntry['path'], rule: string): RouteEntry {
  return { path, method: undefined, headers: [], query: [], rule };
}

/** A slash at the end of a prefix says nothing. What is left to us is a prefix, too. */
function matchOf(type: IngressPath['type'], path: string): RouteEntry['path'] {
  if (type === 'exact') return { type, value: path };
  return { type: 'prefix', value: path.replace(/(?<=.)\/+$/, '') };
}
