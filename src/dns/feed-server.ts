// The DNS process's end of the feed: takes changes of the zone from the agent that connected last, and makes each in one step.

import { FairleadError } from '../base/errors.ts';
import type { Lifetime } from '../base/lifetime.ts';
import { nameEntryKey, type NameEntry } from '../model/names.ts';
import type { KernelAnswers } from './feed-answers.ts';
import {
  FEED_VERSION,
  MAX_ZONE_ENTRIES,
  OLDEST_FEED_VERSION,
  parseFeedRequest,
  type FeedReply,
  type FeedRequest,
} from './feed-protocol.ts';
import { openFrameServer } from './frame-server.ts';
import type { SearchList } from './search-lists.ts';
import type { KnownPorts } from './zone-json.ts';
import type { ZoneState } from './zone-state.ts';

export interface FeedServerEvents {
  /** Takes the cluster's Corefile, undefined for none; returns why not. */
  readonly configure: (corefile: string | undefined) => string | undefined;
  readonly onApplied: (change: { readonly revision: number; readonly isWhole: boolean }) => void;
  /** Those of before hold no longer. */
  readonly onSearchLists: (lists: readonly SearchList[]) => void;
  /** What the kernel answered since the last time. */
  readonly onAnswered: (answers: readonly KernelAnswers[]) => void;
  readonly onConnected: (isConnected: boolean) => void;
  readonly onError: (error: unknown) => void;
}

/** Listens on `path` until `lifetime` ends. */
export async function openFeedServer(
  path: string,
  zone: ZoneState,
  lifetime: Lifetime,
  events: FeedServerEvents,
): Promise<void> {
  await openFrameServer(path, lifetime, {
    what: 'zone feed',
    open: () => {
      const session = new FeedSession(zone, events);
      const known: KnownPorts = new Map();
      return { handle: (value) => session.handle(parseFeedRequest(value, known)) };
    },
    onConnected: events.onConnected,
    onError: events.onError,
  });
}

interface Pending {
  readonly begin: Extract<FeedRequest, { kind: 'begin' }>;
  readonly put: Map<string, NameEntry>;
  readonly deleted: Set<string>;
}

class FeedSession {
  readonly #zone: ZoneState;
  readonly #events: FeedServerEvents;
  #pending: Pending | undefined;
  #hasBase = false;

  constructor(zone: ZoneState, events: FeedServerEvents) {
    this.#zone = zone;
    this.#events = events;
  }

  /** Throws `invalid` where the request does not fit the protocol: the connection then ends and nothing of the change is made. */
  handle(request: FeedRequest): FeedReply | undefined {
    switch (request.kind) {
      case 'hello':
        expect(isSpoken(request.version), `version ${request.version} is not spoken here`);
        return { kind: 'welcome', version: request.version };
      case 'begin':
        expect(this.#pending === undefined, 'begin within a change');
        expect(request.isWhole || this.#hasBase, 'the first change is not whole');
        this.#pending = { begin: request, put: new Map(), deleted: new Set() };
        return undefined;
      case 'put':
        for (const entry of request.entries) this.#change().put.set(nameEntryKey(entry), entry);
        expect(this.#change().put.size <= MAX_ZONE_ENTRIES, 'too many entries');
        return undefined;
      case 'delete':
        for (const key of request.keys) this.#change().deleted.add(key);
        expect(this.#change().deleted.size <= MAX_ZONE_ENTRIES, 'too many keys');
        return undefined;
      case 'commit':
        return this.#commit(request.revision);
      case 'complete':
        this.#events.onSearchLists(request.lists);
        return { kind: 'completing' };
      case 'corefile': {
        const because = this.#events.configure(request.text);
        return because === undefined ? { kind: 'configured' } : { kind: 'configured', because };
      }
      case 'answered':
        this.#events.onAnswered(request.answers);
        return { kind: 'counted' };
      default:
        return request satisfies never;
    }
  }

  #change(): Pending {
    if (this.#pending === undefined)
      throw new FairleadError('invalid', 'Cannot take zone: entries outside of a change');
    return this.#pending;
  }

  #commit(revision: number): FeedReply {
    const { begin, put, deleted } = this.#change();
    expect(begin.revision === revision, `commit of ${revision} ends ${begin.revision}`);
    this.#pending = undefined;
    this.#hasBase = true;
    if (begin.isWhole) this.#zone.replace({ prefixes: begin.prefixes, entries: put }, revision);
    else {
      const change = { put: [...put.values()], deleted: [...deleted], prefixes: begin.prefixes, revision };
      this.#zone.change(change);
    }
    this.#events.onApplied({ revision, isWhole: begin.isWhole });
    return { kind: 'applied', revision };
  }
}

function isSpoken(version: number): boolean {
  return version >= OLDEST_FEED_VERSION && version <= FEED_VERSION;
}

function expect(isRight: boolean, because: string): void {
  if (!isRight) throw new FairleadError('invalid', `Cannot take zone: ${because}`);
}
