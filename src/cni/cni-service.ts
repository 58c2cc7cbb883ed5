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
  /** Connections whose request has not arrived yet. */
  readonly #receiving = new Set<Socket>();
  /** Requests that are being served. */
  readonly #unfinished = new Set<AbortController>();
  readonly #running = new Set<Promise<void>>();
  #draining: Promise<void> | undefined;

  constructor(parts: ServiceParts) {
    this.#parts = parts;
    this.#folder = delQueueFolder(parts.socketPath);
  }

  accept(socket: Socket): void {
    this.#receiving.add(socket);
    const serving = this.#serve(socket).finally(() => {
      this.#receiving.delete(socket);
      this.#running.delete(serving);
    });
    this.#running.add(serving);
  }

  /** Answers what runs, refusing what waits, then closes. */
  async stop(server: Server): Promise<void> {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of this.#receiving) socket.destroy();
    for (const ended of this.#unfinished) ended.abort(new FairleadError('unavailable', 'the agent ends'));
    await Promise.all(this.#running);
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
    // The 'close' event follows; there is nobody to tell.
    socket.on('error', () => undefined);
    try {
      const raw = await receiveRequest(socket);
      this.#receiving.delete(socket);
      await this.#answer(socket, await this.#perform(raw, socket));
    } catch (error) {
      this.#parts.log?.({
        kind: 'trouble',
        what: `Cannot serve CNI connection: ${messageOf(error)}`,
      });
      socket.destroy();
    }
  }

  async #perform(raw: RawCniRequest, socket: Socket): Promise<CniAnswer> {
    const ended = new AbortController();
    this.#unfinished.add(ended);
    const onClose = (): void => ended.abort(new FairleadError('aborted', 'the caller has gone'));
    socket.once('close', onClose);
    try {
      if (raw.command === 'ADD') await this.drainQueue();
      const { answer } = await this.#dispatch(raw, ended.signal);
      if (raw.command === 'ADD' && answer.exitCode === 0 && socket.destroyed) {
        // The runtime will never learn of this interface.
        await this.#dispatch({ ...raw, command: 'DEL' }, this.#parts.signal);
      }
      return answer;
    } finally {
      socket.off('close', onClose);
      this.#unfinished.delete(ended);
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
    return new Promise((resolve) => {
      socket.write(answerFrame(answer), () => {
        socket.destroy();
        resolve();
      });
    });
  }
}
