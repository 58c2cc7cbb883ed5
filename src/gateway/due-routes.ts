// Which routes' statuses are to be looked at: those of which something is another thing than when they were last found as they should be. Of thousands of routes
// one change concerns a few, and what others write over a status is one too.

import { deltasOf } from '../base/deltas.ts';
import { changeOf } from '../compile/gateway/memo.ts';
import type { RouteVerdict } from '../model/gateway-verdict.ts';
import { objectKey } from '../objects/slim-meta.ts';
import type { ProxyFindings } from './proxy-findings.ts';
import type { SeenStatus, SeenStatuses } from './seen-status.ts';

export interface SeenRoute {
  readonly kind: string;
  /** "namespace/name" */
  readonly key: string;
  readonly before: SeenStatus;
  /** Undefined for a route that names the Gateway no more, or never did. */
  readonly verdict: RouteVerdict | undefined;
}

export interface RouteNews {
  readonly verdicts: readonly RouteVerdict[];
  readonly findings: ProxyFindings;
  readonly seen: SeenStatuses;
}

const ROUTE_KINDS = ['HTTPRoute', 'GRPCRoute', 'TLSRoute', 'TCPRoute', 'UDPRoute'];

export class DueRoutes {
  #verdicts: readonly RouteVerdict[] = [];
  #findings: ProxyFindings | undefined;
  readonly #kinds = ROUTE_KINDS.map((kind) => new DueOfKind(kind));

  /** One by one; each is due again the next time where `settle` was not called for it. */
  *of({ verdicts, findings, seen }: RouteNews): Generator<SeenRoute> {
    const { gone, come } = changeOf(this.#verdicts, verdicts);
    const [isAll, names] = this.#found(findings);
    this.#verdicts = verdicts;
    this.#findings = findings;
    for (const it of this.#kinds) it.follow({ gone, come, names, isAll }, seen.of(it.kind));
    for (const it of this.#kinds) yield* it.due(seen.of(it.kind));
  }

  settle({ kind, key }: SeenRoute): void {
    this.#kinds.find((it) => it.kind === kind)?.settle(key);
  }

  /** Whether the findings are others for every route, and the routes for which they are. */
  #found(findings: ProxyFindings): readonly [boolean, ReadonlySet<string>] {
    const before = this.#findings;
    if (before?.problem !== findings.problem) return [true, NONE];
    const { add, change, remove } = deltasOf(findings.routes, before?.routes ?? new Map(), Object.is);
    return [false, new Set([...add.keys(), ...change.keys(), ...remove.keys()])];
  }
}

const NONE: ReadonlySet<string> = new Set();

interface News {
  readonly gone: readonly RouteVerdict[];
  readonly come: readonly RouteVerdict[];
  /** "HTTPRoute shop/web" */
  readonly names: ReadonlySet<string>;
  readonly isAll: boolean;
}

class DueOfKind {
  readonly kind: string;
  readonly #verdicts = new Map<string, RouteVerdict>();
  /** As they were when they became due for the last time. */
  readonly #seen = new Map<string, SeenStatus>();
  readonly #due = new Set<string>();

  constructor(kind: string) {
    this.kind = kind;
  }

  follow({ gone, come, names, isAll }: News, seen: ReadonlyMap<string, SeenStatus>): void {
    for (const it of gone) this.#judge(it, undefined);
    for (const it of come) this.#judge(it, it);
    for (const name of names)
      if (name.startsWith(`${this.kind} `)) this.#due.add(name.slice(this.kind.length + 1));
    // Of thousands, which `for` would make an entry each.
    seen.forEach((status, key) => {
      if (!isAll && this.#seen.get(key) === status) return;
      this.#seen.set(key, status);
      this.#due.add(key);
    });
    if (this.#seen.size > seen.size)
      for (const key of this.#seen.keys()) if (!seen.has(key)) this.#seen.delete(key);
  }

  *due(seen: ReadonlyMap<string, SeenStatus>): Generator<SeenRoute> {
    for (const key of this.#due) {
      const before = seen.get(key);
      if (before === undefined) this.#due.delete(key);
      else yield { kind: this.kind, key, before, verdict: this.#verdicts.get(key) };
    }
  }

  settle(key: string): void {
    this.#due.delete(key);
  }

  #judge(route: RouteVerdict, verdict: RouteVerdict | undefined): void {
    if (route.kind !== this.kind) return;
    const key = objectKey(route);
    if (verdict === undefined) this.#verdicts.delete(key);
    else this.#verdicts.set(key, verdict);
    this.#due.add(key);
  }
}
