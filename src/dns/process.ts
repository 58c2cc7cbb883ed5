// Composition of the DNS process from its parts, so that tests run it whole with clocks and chance of their own.

import type { Logger } from 'pino';
import { backoffMs } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import { isNotFound, messageOf } from '../base/errors.ts';
import type { Lifetime } from '../base/lifetime.ts';
import { AnswerCache } from './answer-cache.ts';
import type { AnswerObserver } from './answer-observer.ts';
import { CachingResolver } from './caching-resolver.ts';
import type { DnsConfig } from './config.ts';
import { openFeedServer } from './feed-server.ts';
import { Forwarder, rootProbe } from './forwarder.ts';
import type { Random } from './random.ts';
import { Responder } from './responder.ts';
import { openTcpServer } from './tcp-server.ts';
import { openUdpServer, type ServerAddress } from './udp-server.ts';
import { networkExchange } from './upstream-exchange.ts';
import { UpstreamPool } from './upstream-pool.ts';
import { watchUpstreams } from './upstream-list.ts';
import { readZoneFile } from './zone-file.ts';
import { ZoneSaver } from './zone-saver.ts';
import { ZoneState } from './zone-state.ts';

export interface DnsParts {
  readonly config: DnsConfig;
  readonly log: Logger;
  /** Owns all that is opened. */
  readonly lifetime: Lifetime;
  readonly clock: Clock;
  readonly random: Random;
  readonly observer?: AnswerObserver;
}

/** Resolves when every address is bound; retries for ever while one is not there yet. */
export async function startDns(parts: DnsParts): Promise<void> {
  const { config, log, lifetime } = parts;
  const zone = await openZone(parts);
  const outside = openResolver(parts);
  const responder = new Responder({
    zone,
    settings: { domain: config.clusterDomain, serverIps: config.listen, ttlS: config.ttlS },
    outside,
    random: parts.random,
    udpPayloadBytes: config.udpPayloadBytes,
    hotBytes: 4 << 20,
    monotonicMs: () => parts.clock.monotonicMs(),
    ...(parts.observer === undefined ? {} : { observer: parts.observer }),
    onError: (error) => log.error({ error: messageOf(error) }, 'cannot answer'),
  });
  await openFeedServer(config.feedSocket, zone, lifetime, {
    onApplied: (revision) => log.debug({ revision, entries: zone.index.entries.size }, 'zone applied'),
    onConnected: (isConnected) => log.info({ isConnected }, 'zone feed'),
    onError: (error) => log.warn({ error: messageOf(error) }, 'zone feed refused'),
  });
  const addresses = config.listen.map((ip) => ({ ip, port: config.port }));
  await Promise.all(addresses.map((address) => serveAddress(parts, responder, address)));
  log.info({ listen: config.listen, port: config.port }, 'answering');
}

async function openZone(parts: DnsParts): Promise<ZoneState> {
  const { config, log, lifetime, clock } = parts;
  const zone: ZoneState = new ZoneState(() => saver.changed());
  const saver: ZoneSaver = new ZoneSaver({
    path: config.zoneFile,
    zone,
    clock,
    signal: lifetime.signal,
    onError: (error) => log.warn({ error: messageOf(error) }, 'cannot keep zone'),
  });
  lifetime.defer('zone file', () => saver.flush());
  try {
    const { zone: stored, revision } = await readZoneFile(config.zoneFile);
    zone.replace(stored, revision);
    log.info({ revision, entries: stored.entries.size }, 'answering from the zone on disk');
  } catch (error) {
    // Without a zone cluster names fail for the moment, which is right; names of others work.
    if (!isNotFound(error)) log.warn({ error: messageOf(error) }, 'cannot use the zone on disk');
  }
  return zone;
}

function openResolver(parts: DnsParts): CachingResolver {
  const { config, log, lifetime, clock, random } = parts;
  const { signal } = lifetime;
  const { tryTimeoutMs, totalTimeoutMs, udpPayloadBytes, maxInFlight, maxInFlightPerClient } = config;
  const exchange = networkExchange;
  const pool = new UpstreamPool({
    probe: rootProbe({ exchange, random, tryTimeoutMs }),
    clock,
    random,
    signal,
    onChange: (upstream, isUp) => log.warn({ upstream, isUp }, 'upstream'),
  });
  watchUpstreams(pool, { config, clock, signal, log });
  const forwarder = new Forwarder({
    pool,
    exchange,
    clock,
    random,
    signal,
    tryTimeoutMs,
    totalTimeoutMs,
    udpPayloadBytes,
  });
  return new CachingResolver({
    ask: (question) => forwarder.ask(question),
    cache: new AnswerCache(config.cacheBytes),
    clock,
    maxInFlight,
    maxInFlightPerClient,
  });
}

const BIND_BACKOFF = { firstMs: 20, maxMs: 1000, factor: 1.5 };

/** Both transports of one address. The agent may put the address on the loopback later: binding waits for it. */
async function serveAddress(parts: DnsParts, responder: Responder, address: ServerAddress): Promise<void> {
  const { log, lifetime, clock, random } = parts;
  const onError = (error: unknown): void => log.debug({ error: messageOf(error) }, 'socket');
  for (const open of [openUdpServer, openTcpServer]) {
    for (let failures = 1; ; failures++) {
      try {
        await open(address, responder, lifetime, onError);
        break;
      } catch (error) {
        if (lifetime.isClosed || !isWorthWaiting(error)) throw error;
        if (failures === 1) log.info({ address, error: messageOf(error) }, 'waiting for address');
        await clock.sleep(
          backoffMs(BIND_BACKOFF, failures, () => random.fraction()),
          lifetime.signal,
        );
      }
    }
  }
}

/** Not there yet, or still held by the process that we replace. */
function isWorthWaiting(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EADDRNOTAVAIL' || code === 'EADDRINUSE';
}
