// The DNS process of a node: puts zone, responder, servers, upstreams and feed together and runs them until the signal.

import { pino } from 'pino';
import { systemClock } from '../base/clock.ts';
import { Lifetime } from '../base/lifetime.ts';
import { readDnsConfig } from './config.ts';
import { startDns } from './process.ts';
import { systemRandom } from './random.ts';
import { keepHeapSmall } from '../sys/small-heap.ts';

/** Runs the DNS process of `configFile` (see `DnsConfigFile`) until `signal` aborts; rejects where it cannot start. */
export async function runDns(configFile: string, signal: AbortSignal): Promise<void> {
  const collectGarbage = keepHeapSmall();
  const config = await readDnsConfig(configFile);
  const log = pino({ name: 'dns', level: config.logLevel });
  const lifetime = new Lifetime('DNS process');
  const ended = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  try {
    const clock = systemClock;
    const started = startDns({ config, log, lifetime, clock, random: systemRandom(), collectGarbage });
    await Promise.race([Promise.all([started, ended]), ended]);
  } finally {
    await lifetime.close();
  }
}
