// Names of the cluster and search lists of the node's pods to its DNS process: brought over by the feed as often as one changes.

import { connectZoneFeed, type ZoneFeed, type ZoneFeedState } from '../dns/feed.ts';
import type { KernelAnswers } from '../dns/feed-answers.ts';
import type { SearchList } from '../dns/search-lists.ts';
import type { NameZone } from '../model/names.ts';
import type { AgentContext } from './agent-context.ts';
import type { Compiled } from './view-loop.ts';

export interface NameFeed {
  /** The names of the view, and the cluster's Corefile once it is known whether it has one. */
  publish(compiled: Compiled): void;
  /** See `ZoneFeed`. */
  tell(answers: readonly KernelAnswers[]): void;
  readonly isListening: boolean;
  status(): NameFeedStatus;
}

/** Revisions are the feed's own; `isCurrent`: the DNS process answers from the newest zone. */
export interface NameFeedStatus {
  readonly isConnected: boolean;
  readonly publishedRevision: number;
  readonly appliedRevision: number | undefined;
  readonly isCurrent: boolean;
  /** Why the cluster's Corefile was not taken, so that a former one is in force; undefined where it was. */
  readonly corefileRefusal: string | undefined;
}

/** Who is told what the DNS process says. */
export interface NameFeedListener {
  /** Why it does not take the Corefile, undefined where it does. */
  readonly onCorefile: (because: string | undefined) => void;
  /** All that is compiled so far is in the zone of this revision; 0 while there is none. */
  readonly onPublished: (revision: number) => void;
  /** It answers from the zone of this revision. */
  readonly onApplied: (revision: number) => void;
}

/** Undefined where the configuration names no DNS process. */
export function startNameFeed(
  context: AgentContext,
  { onCorefile, onPublished, onApplied }: NameFeedListener,
): NameFeed | undefined {
  const { config, clock, random, lifetime, log } = context;
  if (config.dnsSocket === undefined) return undefined;
  let isConnected = false;
  const onState = (state: ZoneFeedState): void => {
    isConnected = state.kind === 'connected';
    if (state.kind === 'connected') log.info('connected to the DNS process');
    else log.warn({ err: state.error }, 'not connected to the DNS process');
  };
  const onConfigured = (because: string | undefined): void => {
    if (because !== undefined) log.error({ because }, 'the DNS process does not take the Corefile');
    onCorefile(because);
  };
  const { signal } = lifetime;
  const feed = connectZoneFeed(config.dnsSocket, { clock, random, signal, onState, onConfigured, onApplied });
  lifetime.defer('zone feed', () => feed.closed);
  let published: NameZone | undefined;
  let completed: readonly SearchList[] | undefined;
  return {
    publish: ({ view: { names, corefile, searchLists } }) => {
      if (corefile !== undefined) feed.configure(corefile.text);
      if (searchLists !== undefined && searchLists !== completed) feed.complete(searchLists);
      completed = searchLists ?? completed;
      if (names !== undefined && names !== published) feed.publish(names);
      published = names ?? published;
      onPublished(feed.publishedRevision);
    },
    tell: (answers) => feed.tell(answers),
    get isListening() {
      return feed.isListening;
    },
    status: () => statusOf(feed, isConnected),
  };
}

function statusOf(feed: ZoneFeed, isConnected: boolean): NameFeedStatus {
  const { publishedRevision, appliedRevision, corefileRefusal } = feed;
  const isCurrent = isConnected && publishedRevision > 0 && appliedRevision === publishedRevision;
  return { isConnected, publishedRevision, appliedRevision, isCurrent, corefileRefusal };
}
