// Composition of the DNS process from its parts, so that tests run it whole with clocks and chance of their own.

import type { Logger } from 'pino';
import { backoffMs } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import { isNotFound, messageOf } from '../base/errors.ts';
import type { Lifetime } from '../base/lifetime.ts';
import { errnoOf } from '../sys/errno.ts';
import type { Answering } from './answering.ts';
import { ClientTallies } from './client-tallies.ts';
import type { DnsConfig } from './config.ts';
import type { ExplainQuestion } from './explain.ts';
import { openFeedServer } from './feed-server.ts';
import { openHttpServer } from './http-server.ts';
import { openInspectServer } from './inspect-server.ts';
import { inspectSocketOf } from './inspect-socket.ts';
import { openLearnServer } from './learn-server.ts';
import { LiveAnswering } from './live-answering.ts';
import type { DnsMetrics } from './metrics.ts';
import { NameGate } from './name-gate.ts';
import type { Random } from './random.ts';
import type { Responder } from './responder.ts';
import { SearchLists } from './search-lists.ts';
import { openTcpServer } from './tcp-server.ts';
import { openUdpServer, type ServerAddress } from './udp-server.ts';
import { readWatched, writeWatched } from './watched-file.ts';
import type { LoopingUpstream } from './zone-forwarder.ts';
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
  /** Called when much garbage was made at once. */
  readonly collectGarbage?: () => void;
}

/** What of the process others may ask about. */
interface DnsStatus {
  isFeedConnected: boolean;
  isAnswering: boolean;
  answering: () => Answering | undefined;
}

/** Resolves when every address is bound; retries for ever while one is not there yet. */
export async function startDns(parts: DnsParts): Promise<void> {
  const { config, log, clock, random, lifetime } = parts;
  const { signal } = lifetime;
  const status: DnsStatus = { isFeedConnected: false, isAnswering: false, answering: () => undefined };
  const zone = await openZone(parts);
  const metrics = await openMetrics(parts, { zone, status });
  const gate = await openGate(parts, metrics);
  const searchLists = new SearchLists();
  const corefile = `${config.zoneFile}.corefile`;
  const tallies = new ClientTallies(searchLists);
  const sources = { zone, searchLists, tallies, metrics, gate, log, clock, random, signal };
  const live = new LiveAnswering({ config, corefile, ...sources });
  status.answering = () => live.answering;
  const inspected = {
    top: (names: number) => tallies.list(names),
    explain: (question: ExplainQuestion) => live.answering.explain(question),
  };
  await openInspectServer(inspectSocketOf(config.feedSocket), inspected, lifetime);
  await openFeed(parts, { zone, searchLists, live, metrics, tallies }, status);
  const addresses = config.listen.map((ip) => ({ ip, port: config.port }));
  await Promise.all(addresses.map((address) => serveAddress(parts, live, address)));
  status.isAnswering = true;
  live.reachable();
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
    saver.load(() => zone.replace(stored, revision));
    log.info({ revision, entries: stored.entries.size }, 'answering from the zone on disk');
    parts.collectGarbage?.();
  } catch (error) {
    // Without a zone cluster names fail for the moment, which is right; names of others work.
    if (!isNotFound(error)) log.warn({ error: messageOf(error) }, 'cannot use the zone on disk');
  }
  return zone;
}

interface Measured {
  readonly zone: ZoneState;
  readonly status: DnsStatus;
}

/** Without a port for them there are no metrics, and their library is not even loaded. */
async function openMetrics(parts: DnsParts, measured: Measured): Promise<DnsMetrics | undefined> {
  const { config, lifetime } = parts;
  const { zone, status } = measured;
  const looping = (): readonly LoopingUpstream[] => status.answering()?.forwarding.looping ?? [];
  if (config.metrics === undefined) return undefined;
  const { DnsMetrics } = await import('./metrics.ts');
  const metrics = new DnsMetrics({
    zone,
    cache: () => status.answering()?.cache,
    isFeedConnected: () => status.isFeedConnected,
    looping,
  });
  const whatIsMissing = (): string | undefined => {
    if (!zone.isKnown) return 'no zone yet';
    return status.isAnswering ? undefined : 'an address is not there yet';
  };
  const warnings = (): readonly string[] =>
    looping().map(
      ({ upstream, zone: of }) => `upstream ${upstream} of zone "${of}" leads back here: it is not asked`,
    );
  await openHttpServer(
    config.metrics,
    { metrics: () => metrics.registry.metrics(), whatIsMissing, warnings },
    lifetime,
  );
  return metrics;
}

interface Fed {
  readonly zone: ZoneState;
  readonly searchLists: SearchLists;
  readonly live: LiveAnswering;
  readonly metrics: DnsMetrics | undefined;
  readonly tallies: ClientTallies;
}

async function openFeed(parts: DnsParts, fed: Fed, status: DnsStatus): Promise<void> {
  const { zone, searchLists, live, metrics, tallies } = fed;
  const { config, log, lifetime } = parts;
  await openFeedServer(config.feedSocket, zone, lifetime, {
    configure: (corefile) => live.configure(corefile),
    onApplied: ({ revision, isWhole }) => {
      log.debug({ revision, entries: zone.index.entries.size }, 'zone applied');
      if (isWhole) parts.collectGarbage?.();
    },
    onSearchLists: (lists) => searchLists.replace(lists),
    onAnswered: (all) => {
      for (const answers of all) {
        tallies.answeredInKernel(answers);
        metrics?.answeredInKernel(answers);
      }
    },
    onConnected: (isConnected) => {
      status.isFeedConnected = isConnected;
      log.info({ isConnected }, 'zone feed');
    },
    onError: (error) => log.warn({ error: messageOf(error) }, 'zone feed refused'),
  });
}

/** Undefined where nobody learns. */
async function openGate(parts: DnsParts, metrics: DnsMetrics | undefined): Promise<NameGate | undefined> {
  const { config, log, lifetime, clock } = parts;
  const { learnSocket, zoneFile } = config;
  if (learnSocket === undefined) return undefined;
  const gate = new NameGate({
    clock,
    signal: lifetime.signal,
    onPassed: (passed) => {
      metrics?.passed(passed);
      if (passed.result !== 'known') log.debug(passed, 'an answer went out before its addresses were open');
    },
  });
  const watchedFile = `${zoneFile}.watched-names`;
  gate.watch(readWatched(watchedFile, log));
  await openLearnServer(learnSocket, gate, lifetime, {
    onWatched: (watched) => writeWatched(watchedFile, watched, log),
    onConnected: (isConnected) => log.info({ isConnected }, 'learned names'),
    onError: (error) => log.warn({ error: messageOf(error) }, 'learned names refused'),
  });
  return gate;
}

const BIND_BACKOFF = { firstMs: 20, maxMs: 1000, factor: 1.5 };

/** Both transports of one address. The agent may put the address on the loopback later: binding waits for it. */
async function serveAddress(
  parts: DnsParts,
  responder: Pick<Responder, 'respond' | 'respondAtOnce'>,
  address: ServerAddress,
): Promise<void> {
  const { log, lifetime, clock, random } = parts;
  const onError = (error: unknown): void => log.debug({ error: messageOf(error) }, 'socket');
  const udp = async (): Promise<void> => openUdpServer(address, responder, { lifetime, onError });
  const tcp = (): Promise<void> => openTcpServer(address, responder, { lifetime, onError });
  for (const open of [udp, tcp]) {
    for (let failures = 1; ; failures++) {
      try {
        await open();
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
  const errno = errnoOf(error);
  return errno === 'EADDRNOTAVAIL' || errno === 'EADDRINUSE';
}
