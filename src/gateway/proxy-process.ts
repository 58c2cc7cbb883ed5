// A HAProxy in its folder, started as soon as there is a configuration and started again whenever it ends. It knows nothing of what the configuration says;
// in a cluster a container's loop has this part.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync } from 'node:fs';
import type { Logger } from 'pino';
import { systemClock, type Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Lifetime } from '../base/lifetime.ts';
import { openFifo } from '../sys/fifo.ts';
import { inNetns, type Netns } from '../sys/netns.ts';
import { proxyFiles } from './proxy-place.ts';

export interface ProxyProcessOptions {
  readonly folder: string;
  readonly program: string;
  readonly log: Pick<Logger, 'info' | 'warn' | 'debug'>;
  readonly netns?: Netns | string;
  readonly clock?: Clock;
}

export interface ProxyProcess {
  /** Of the master; undefined while none runs. */
  readonly pid: number | undefined;
}

const PAUSE_MS = { first: 20, most: 1000 };
/** One that ran for so long was not ended by its configuration. */
const STEADY_MS = 10_000;

export function startProxyProcess(options: ProxyProcessOptions, lifetime: Lifetime): ProxyProcess {
  const keeper = new Keeper(options, lifetime.signal);
  lifetime.defer('the proxy process', () => keeper.ended);
  return keeper;
}

class Keeper implements ProxyProcess {
  readonly #options: ProxyProcessOptions;
  readonly #signal: AbortSignal;
  #child: ChildProcess | undefined;
  readonly ended: Promise<void>;

  constructor(options: ProxyProcessOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    this.ended = this.#keep();
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async #keep(): Promise<void> {
    const { folder, log, clock = systemClock } = this.#options;
    let pauseMs = PAUSE_MS.first;
    while (!this.#signal.aborted) {
      if (existsSync(proxyFiles(folder).config)) {
        const startedMs = clock.monotonicMs();
        const how = await this.#runOnce();
        if (!this.#signal.aborted) log.warn({ how }, 'the proxy has ended');
        if (clock.monotonicMs() - startedMs > STEADY_MS) pauseMs = PAUSE_MS.first;
        else pauseMs = Math.min(pauseMs * 2, PAUSE_MS.most);
      }
      await clock.sleep(pauseMs, this.#signal).catch(() => undefined);
    }
  }

  async #runOnce(): Promise<string> {
    const { folder, program, netns, log } = this.#options;
    const files = proxyFiles(folder);
    const args = ['-W', '-S', `${files.masterSocket},mode,600`, '-f', files.config];
    const launch = (): ChildProcess => {
      const requests = openFifo(files.requests);
      try {
        return spawn(program, args, { stdio: ['ignore', requests, 'pipe'], cwd: folder });
      } finally {
        closeSync(requests);
      }
    };
    const child = netns === undefined ? launch() : inNetns(netns, launch);
    this.#child = child;
    child.stderr?.on('data', (chunk: Buffer) =>
      log.debug({ haproxy: chunk.toString('utf8') }, 'the proxy says'),
    );
    const stop = (): void => void child.kill('SIGTERM');
    this.#signal.addEventListener('abort', stop, { once: true });
    if (this.#signal.aborted) stop();
    try {
      const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
      return signal === null ? `exit code ${code}` : `ended by ${signal}`;
    } catch (error) {
      return messageOf(error);
    } finally {
      this.#signal.removeEventListener('abort', stop);
      this.#child = undefined;
    }
  }
}
