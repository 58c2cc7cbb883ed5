// The agent process of a node: reads its configuration, starts the node's parts, and runs until the signal or a part's failure.

import { flushCompileCache } from 'node:module';
import { destination, pino } from 'pino';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { systemClock } from '../base/clock.ts';
import { Lifetime } from '../base/lifetime.ts';
import { releaseFreeHeap } from '../sys/heap.ts';
import { keepHeapSmall } from '../sys/small-heap.ts';
import { readAgentConfig } from './config.ts';
import { startAgent } from './start-agent.ts';

const STDERR = 2;

/**
 * Runs the agent of `configFile` (see `AgentConfigFile`) inside the node's network namespace until `signal` aborts; rejects where it
 * cannot start or go on. Everything it programmed stays, whichever way it ends.
 */
export async function runAgent(configFile: string, signal: AbortSignal): Promise<void> {
  const collect = keepHeapSmall();
  const collectGarbage = (): void => {
    collect();
    releaseFreeHeap();
  };
  const config = await readAgentConfig(configFile);
  const log = pino({ name: 'agent', level: config.logLevel }, destination({ fd: STDERR, sync: true }));
  const lifetime = new Lifetime('agent');
  const metrics = new Registry();
  collectDefaultMetrics({ register: metrics });
  const ended = endOf(signal);
  const fail = (error: unknown): void => ended.fail(error);
  const base = { config, log, clock: systemClock, random: Math.random, metrics, lifetime };
  const context = { ...base, collectGarbage, fail };
  const starting = startAgent(context);
  try {
    await Promise.race([starting, ended.promise]);
    // Node writes its cache of compiled sources at exit, which a killed process never reaches.
    flushCompileCache();
    releaseFreeHeap();
    await ended.promise;
  } finally {
    log.info('ending; everything programmed stays');
    await lifetime.close();
    // What was being opened meanwhile closes itself: the lifetime takes nothing more.
    await starting.catch(() => undefined);
  }
}

/** Resolves when the signal aborts, rejects at the first call of `fail`. */
function endOf(signal: AbortSignal): { readonly promise: Promise<void>; fail(error: unknown): void } {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  signal.addEventListener('abort', () => resolve(), { once: true });
  // A failure while the agent already ends is in the log and changes nothing.
  promise.catch(() => undefined);
  return { promise, fail: reject };
}
