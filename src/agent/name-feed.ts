// Names of the cluster to the node's DNS process: compiled once Services and slices are known, and brought over by the feed.

import { NameCompiler } from '../compile/names.ts';
import { connectZoneFeed, type ZoneFeed, type ZoneFeedState } from '../dns/feed.ts';
import type { AgentContext } from './agent-context.ts';
import { clusterObjectsOf } from './cluster-watch.ts';
import type { Compiled } from './view-loop.ts';

export interface NameFeed {
  publish(compiled: Compiled): void;
  status(): NameFeedStatus;
}

/** Revisions are the feed's own; `isCurrent`: the DNS process answers from the newest zone. */
export interface NameFeedStatus {
  readonly isConnected: boolean;
  readonly publishedRevision: number;
  readonly appliedRevision: number | undefined;
  readonly isCurrent: boolean;
}

/** Undefined where the configuration names no DNS process. */
export function startNameFeed(context: AgentContext): NameFeed | undefined {
  const { config, clock, random, lifetime, log } = context;
  if (config.dnsSocket === undefined) return undefined;
  let isConnected = false;
  const onState = (state: ZoneFeedState): void => {
    isConnected = state.kind === 'connected';
    if (state.kind === 'connected') log.info('connected to the DNS process');
    else log.warn({ err: state.error }, 'not connected to the DNS process');
  };
  const feed = connectZoneFeed(config.dnsSocket, { clock, random, signal: lifetime.signal, onState });
  lifetime.defer('zone feed', () => feed.closed);
  const compiler = new NameCompiler({
    prefixes: [...config.podCidrs, ...config.serviceCidrs],
    // Records of single pods would need every pod of the cluster on every node.
    hasPodRecords: false,
  });
  return {
    publish: ({ snapshot, view }) => {
      if (view.services !== undefined) feed.publish(compiler.compile(clusterObjectsOf(snapshot)));
    },
    status: () => statusOf(feed, isConnected),
  };
}

function statusOf(feed: ZoneFeed, isConnected: boolean): NameFeedStatus {
  const { publishedRevision, appliedRevision } = feed;
  const isCurrent = isConnected && publishedRevision > 0 && appliedRevision === publishedRevision;
  return { isConnected, publishedRevision, appliedRevision, isCurrent };
}
