// The service account tokens of one pod: asked for once, renewed before they expire, kept while the API server is away.

import type { Pod } from '../../objects/api-types.ts';
import type { TokenRequest } from './cluster-api.ts';
import type { PodWorld } from './pod-world.ts';

/** A token is renewed after this part of its life, as a kubelet does. */
const RENEW_AFTER = 0.8;
/** A renewal that failed is tried again after this time. */
const RETRY_MS = 30_000;

interface Kept {
  readonly token: string;
  readonly expiresAtMs: number;
  readonly renewAtMs: number;
}

export class PodTokens {
  readonly #world: Pick<PodWorld, 'api' | 'clock'>;
  readonly #kept = new Map<string, Kept>();

  constructor(world: Pick<PodWorld, 'api' | 'clock'>) {
    this.#world = world;
  }

  /** When the first token has to be renewed; undefined while there is none. */
  get dueAtMs(): number | undefined {
    const times = [...this.#kept.values()].map((it) => it.renewAtMs);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Throws where there is none yet and the API gives none. */
  async get(pod: Pod, request: TokenRequest, signal: AbortSignal): Promise<string> {
    const { api, clock } = this.#world;
    const key = `${request.audience ?? ''} ${request.expirationSeconds}`;
    const kept = this.#kept.get(key);
    const nowMs = clock.nowMs();
    if (kept !== undefined && nowMs < kept.renewAtMs) return kept.token;
    try {
      const { token, expiresAtMs } = await api.serviceAccountToken(pod, request, signal);
      const renewAtMs = nowMs + Math.max(RETRY_MS, (expiresAtMs - nowMs) * RENEW_AFTER);
      this.#kept.set(key, { token, expiresAtMs, renewAtMs });
      return token;
    } catch (error) {
      if (kept === undefined || kept.expiresAtMs <= nowMs) throw error;
      this.#kept.set(key, { ...kept, renewAtMs: nowMs + RETRY_MS });
      return kept.token;
    }
  }
}
