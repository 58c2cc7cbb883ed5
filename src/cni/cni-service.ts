// Connections of the CNI socket: one request each, answered by the dispatcher; stored deletions are done before every ADD.

import type { Server, Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { FairleadError, messageOf } from '../base/errors.ts';
import { delQueueFolder, drainDelQueue, queuedDels } from './del-queue.ts';
import type { Dispatcher, Outcome } from './dispatch.ts';
import { answerFrame, type CniAnswer, type RawCniRequest } from './frames.ts';
import { receiveRequest } from './receive-request.ts';

/** What happened, for the log and metrics. */
export type CniEvent =
  | { readonly kind: 'served'; readonly outcome: Outcome; readonly durationMs: number }
  | { readonly kind: 'trouble'; readonly what: string };

interface ServiceParts {
  readonly socketPath: string;
  readonly dispatcher: Dispatcher;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly log: ((event: CniEvent) => void) | undefined;
}

/** Takes connections; each carries one request. */
export class CniService {
  readonly #parts: ServiceParts;
  readonly #folder: string;
  readonly #sockets = new Set<Socket>();
  readonly #running = new Set<Promise<void>>();
  #draining: Promise<void> | undefined;

  constructor(parts: ServiceParts) {
    this.#parts = parts;
    this.#folder = delQueueFolder(parts.socketPath);
  }

  accept(socket: Socket): void {
    this.#sockets.add(socket);
    const serving = this.#serve(socket).finally(() => {
      this.#sockets.delete(socket);
      this.#running.delete(serving);
    });
    this.#running.add(serving);
  }

  /** Answers what runs, then closes. */
  async stop(server: Server): Promise<void> {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    await Promise.all(this.#running);
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** One drain at a time; a caller waits for the one that runs. */
  drainQueue(): Promise<void> {
    this.#draining ??= this.#drain().finally(() => (this.#draining = undefined));
    return this.#draining;
  }

  async #drain(): Promise<void> {
    if (queuedDels(this.#folder).length === 0) return;
    const { failures } = await drainDelQueue(this.#folder, async (raw) => {
      const outcome = await this.#dispatch(raw, this.#parts.signal);
      if (outcome.error !== undefined) throw outcome.error;
    });
    for (const failure of failures) {
      this.#parts.log?.({ kind: 'trouble', what: `Cannot do queued deletion ${failure}` });
    }
  }

  async #serve(socket: Socket): Promise<void> {
    const gone = new AbortController();
    socket.on('close', () => gone.abort(new FairleadError('aborted', 'the caller has gone')));
    // The 'close' event follows; there is nobody to tell.
    socket.on('error', () => undefined);
    try {
      const raw = await receiveRequest(socket);
      if (raw.command === 'ADD') await this.drainQueue();
      const signal = AbortSignal.any([gone.signal, this.#parts.signal]);
      const { answer } = await this.#dispatch(raw, signal);
      if (raw.command === 'ADD' && answer.exitCode === 0 && gone.signal.aborted) {
        // The runtime will never learn of this interface.
        await this.#dispatch({ ...raw, command: 'DEL' }, this.#parts.signal);
      }
      await this.#answer(socket, answer);
    } catch (error) {
      this.#parts.log?.({
        kind: 'trouble',
        what: `Cannot serve CNI connection: ${messageOf(error)}`,
      });
      socket.destroy();
    }
  }

  async #dispatch(raw: RawCniRequest, signal: AbortSignal): Promise<Outcome> {
    const startMs = this.#parts.clock.monotonicMs();
    const outcome = await this.#parts.dispatcher.serve(raw, signal);
    const durationMs = this.#parts.clock.monotonicMs() - startMs;
    this.#parts.log?.({ kind: 'served', outcome, durationMs });
    return outcome;
  }

  #answer(socket: Socket, answer: CniAnswer): Promise<void> {
    return new Promise((resolve) => socket.end(answerFrame(answer), () => resolve()));
  }
}
