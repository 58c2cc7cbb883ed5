// The frontends of a node while they change: what each owner (a Service, a pod) claims, and who has an address that several claim.

import { frontendKey, type Frontend } from '../model/network.ts';
import { isBefore } from './view.ts';

const NONE: readonly Frontend[] = [];

/** Equal to claiming all anew in any order: whose a frontend is depends on the claims alone. */
export class FrontendTable {
  readonly #claims = new Map<string, readonly Frontend[]>();
  /** Frontend key -> the owners that claim it, for those that more than one does. */
  readonly #rivals = new Map<string, Set<string>>();
  readonly #winners = new Map<string, { readonly owner: string; readonly frontend: Frontend }>();
  readonly #frontends = new Map<string, Frontend>();

  /** The table itself: later claims show in it. */
  get frontends(): ReadonlyMap<string, Frontend> {
    return this.#frontends;
  }

  owners(): Iterable<string> {
    return this.#claims.keys();
  }

  /** Makes `owner` claim exactly these; the keys of frontends that are others now are added to `changed`. */
  claim(owner: string, frontends: readonly Frontend[], changed: Set<string>): void {
    const before = this.#claims.get(owner) ?? NONE;
    if (frontends.length === 0) this.#claims.delete(owner);
    else this.#claims.set(owner, frontends);
    const keys = new Set([...before, ...frontends].map(frontendKey));
    for (const key of keys) this.#decide(key, owner, changed);
  }

  /** Who has the key, after the claims of `owner` changed. */
  #decide(key: string, owner: string, changed: Set<string>): void {
    const rivals = this.#rivalsOf(key, owner);
    let winner: { readonly owner: string; readonly frontend: Frontend } | undefined;
    for (const rival of rivals) {
      const frontend = firstOf(this.#claims.get(rival) ?? NONE, key);
      if (frontend === undefined) rivals.delete(rival);
      else if (winner === undefined || isBefore(frontend, winner.frontend)) {
        winner = { owner: rival, frontend };
      }
    }
    if (rivals.size > 1) this.#rivals.set(key, rivals);
    else this.#rivals.delete(key);
    if (winner?.frontend === this.#winners.get(key)?.frontend) return;
    changed.add(key);
    if (winner === undefined) {
      this.#winners.delete(key);
      this.#frontends.delete(key);
    } else {
      this.#winners.set(key, winner);
      this.#frontends.set(key, winner.frontend);
    }
  }

  #rivalsOf(key: string, owner: string): Set<string> {
    const known = this.#rivals.get(key);
    if (known !== undefined) return known.add(owner);
    const winner = this.#winners.get(key);
    return new Set(winner === undefined ? [owner] : [winner.owner, owner]);
  }
}

/** Of two of one owner the earlier one, as `isBefore` has it. */
function firstOf(frontends: readonly Frontend[], key: string): Frontend | undefined {
  let first: Frontend | undefined;
  for (const it of frontends) {
    if (frontendKey(it) === key && (first === undefined || isBefore(it, first))) first = it;
  }
  return first;
}
