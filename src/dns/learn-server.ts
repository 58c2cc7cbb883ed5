// The DNS process's end of what the agent learns: patterns in, answers that wait out.

import { FairleadError } from '../base/errors.ts';
import type { Lifetime } from '../base/lifetime.ts';
import { openFrameServer } from './frame-server.ts';
import {
  LEARN_VERSION,
  parseLearnRequest,
  type LearnReply,
  type LearnRequest,
  type Watched,
} from './learn-protocol.ts';
import type { NameGate } from './name-gate.ts';

export interface LearnServerEvents {
  /** What is watched from now on, to be kept for the next start. */
  readonly onWatched: (watched: Watched) => void;
  readonly onConnected: (isConnected: boolean) => void;
  readonly onError: (error: unknown) => void;
}

/** Listens on `path` until `lifetime` ends. */
export async function openLearnServer(
  path: string,
  gate: NameGate,
  lifetime: Lifetime,
  { onWatched, onConnected, onError }: LearnServerEvents,
): Promise<void> {
  await openFrameServer(path, lifetime, {
    what: 'socket for learned names',
    open: (send) => {
      const session = new LearnSession(gate, { send, onWatched });
      return {
        handle: (value) => session.handle(parseLearnRequest(value)),
        closed: () => session.close(),
      };
    },
    onConnected,
    onError,
  });
}

interface SessionEnds {
  readonly send: (reply: LearnReply) => void;
  readonly onWatched: LearnServerEvents['onWatched'];
}

class LearnSession {
  readonly #gate: NameGate;
  readonly #ends: SessionEnds;
  #tell: Parameters<NameGate['connect']>[0] | undefined;

  constructor(gate: NameGate, ends: SessionEnds) {
    this.#gate = gate;
    this.#ends = ends;
  }

  handle(request: LearnRequest): LearnReply | undefined {
    if (request.kind !== 'hello' && this.#tell === undefined) throw unfit(`${request.kind} before hello`);
    switch (request.kind) {
      case 'hello':
        if (request.version !== LEARN_VERSION) throw unfit(`version ${request.version} is not spoken here`);
        this.#tell = (answer) => this.#ends.send({ kind: 'answer', ...answer });
        this.#gate.connect(this.#tell);
        return { kind: 'welcome', version: LEARN_VERSION };
      case 'watch':
        this.#gate.watch(request);
        this.#ends.onWatched(request);
        return { kind: 'watching', revision: request.revision };
      case 'known':
        for (const id of request.ids) this.#gate.known(id);
        return undefined;
      case 'forget':
        this.#gate.forget();
        return undefined;
      default:
        return request satisfies never;
    }
  }

  /** Whoever took this one's place has connected already. */
  close(): void {
    if (this.#tell !== undefined) this.#gate.disconnect(this.#tell);
  }
}

function unfit(because: string): FairleadError {
  return new FairleadError('invalid', `Cannot watch names: ${because}`);
}
