// Watches: a bounded stream of changes per client, resumable from any revision that the log still holds.
// A client that does not read is cut off; it lists or resumes again.

import { hasCode, messageOf } from '../../base/errors.ts';
import type { Resource } from '../../objects/resources.ts';
import type { ApiContext } from '../context.ts';
import type { StoreEvent } from '../store/object-store.ts';
import { hasFlag, type ApiRequest, type ReplySink, type StreamReply, type Target } from '../http/request.ts';
import { tooLargeRevision } from './read.ts';
import { selectionOf, type Selection } from './selection.ts';
import { badRequest, expired, invalid, StatusError } from '../http/status-error.ts';
import { lineFormOf, WatchLines } from './watch-lines.ts';

/** Bytes that a client may leave unread beside its initial list. */
const MAX_PENDING_BYTES = 8 * 1024 * 1024;
const BOOKMARK_MS = 60_000;
const MAX_TIMEOUT_SECONDS = 3600;
const DEFAULT_TIMEOUT_SECONDS = 1800;

interface WatchOptions {
  readonly selection: Selection;
  /** Undefined: begins with all current objects. */
  readonly since: number | undefined;
  /** The initial objects end with a bookmark that says so (WatchList). */
  readonly marksInitialEnd: boolean;
  readonly hasBookmarks: boolean;
  readonly timeoutMs: number;
}

/**
 * The stream of a watch request; throws 400, 422, 504 for parameters that cannot be served. A revision that is gone is told in the stream, as
 * everywhere: some clients begin anew by themselves only then.
 */
export function watchObjects(context: ApiContext, request: ApiRequest, target: Target): StreamReply {
  // A watch from now on is one from what is committed now.
  context.store.settle();
  const options = optionsOf(context, request, target);
  const { resource } = target;
  const lines = new WatchLines(resource, lineFormOf(context, request, resource));
  return {
    kind: 'stream',
    contentType: lines.contentType,
    run: (sink) => {
      // Read in the turn in which the watch begins to hear of events: nothing is missed between the two.
      context.store.settle();
      const history = options.since === undefined ? undefined : historyOf(context, resource, options.since);
      if (!(history instanceof StatusError))
        return runWatch(context, { resource, options, lines, sink, history });
      sink.write(lines.error(history));
      return Promise.resolve();
    },
  };
}

function optionsOf(context: ApiContext, { query }: ApiRequest, target: Target): WatchOptions {
  const wantsInitial = query.get('sendInitialEvents');
  const match = query.get('resourceVersionMatch') ?? '';
  if (wantsInitial !== null && match !== 'NotOlderThan') {
    throw watchRefused(
      target,
      'resourceVersionMatch',
      'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
    );
  }
  if (wantsInitial === null && match !== '') {
    throw watchRefused(
      target,
      'resourceVersionMatch',
      'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
    );
  }
  const revision = revisionOf(context, query.get('resourceVersion') ?? '');
  const sendsAll = hasFlag(query, 'sendInitialEvents') || (wantsInitial === null && revision === 0);
  return {
    selection: selectionOf(target, query),
    since: sendsAll ? undefined : revision === 0 ? context.store.revision : revision,
    marksInitialEnd: hasFlag(query, 'sendInitialEvents') && hasFlag(query, 'allowWatchBookmarks'),
    hasBookmarks: hasFlag(query, 'allowWatchBookmarks'),
    timeoutMs: timeoutOf(query.get('timeoutSeconds') ?? '') * 1000,
  };
}

function watchRefused({ resource }: Target, field: string, message: string): Error {
  const cause = { reason: 'FieldValueForbidden', field, message: `Forbidden: ${message}` };
  return invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, resource.plural, [cause]);
}

function revisionOf(context: ApiContext, text: string): number {
  if (text === '' || text === '0') return 0;
  if (!/^\d{1,15}$/.test(text)) throw badRequest(`invalid resource version "${text.slice(0, 40)}"`);
  const revision = Number(text);
  if (revision > context.store.revision) throw tooLargeRevision(revision, context.store.revision);
  return revision;
}

function timeoutOf(text: string): number {
  const seconds = Number(text);
  if (text === '' || !Number.isInteger(seconds) || seconds <= 0) return DEFAULT_TIMEOUT_SECONDS;
  return Math.min(seconds, MAX_TIMEOUT_SECONDS);
}

/** What came since then, or that nobody knows it any more. */
function historyOf(
  context: ApiContext,
  resource: Resource,
  since: number,
): readonly StoreEvent[] | StatusError {
  try {
    return context.store.replay(resource.storage, since);
  } catch (error) {
    if (!hasCode(error, 'gone')) throw error;
    return expired(`too old resource version: ${since} (${context.store.oldestRevision})`);
  }
}

interface WatchRun {
  readonly resource: Resource;
  readonly options: WatchOptions;
  readonly lines: WatchLines;
  readonly sink: ReplySink;
  readonly history: readonly StoreEvent[] | undefined;
}

function runWatch(context: ApiContext, run: WatchRun): Promise<void> {
  const { resource, options, lines, sink } = run;
  writeInitial(context, run);
  const initialBytes = sink.pendingBytes;
  const replaced = context.kinds.replaced(resource);
  return new Promise((resolve, reject) => {
    const unsubscribe = context.store.watch(resource.storage, (event) => {
      // What cannot be told to one watcher must not be kept from the others: this one ends, and begins anew.
      try {
        const line = lines.of(event, options.selection);
        if (line === undefined) return;
        sink.write(line);
        if (sink.pendingBytes > MAX_PENDING_BYTES + initialBytes) sink.destroy();
      } catch (error) {
        stop();
        reject(error instanceof Error ? error : new Error(messageOf(error)));
      }
    });
    const bookmark = (): void => {
      context.store.settle();
      if (options.hasBookmarks) sink.write(lines.bookmark(context.store.revision));
    };
    const bookmarks = setInterval(bookmark, BOOKMARK_MS);
    const stop = (): void => {
      unsubscribe();
      clearInterval(bookmarks);
      clearTimeout(timeout);
      sink.signal.removeEventListener('abort', end);
      replaced?.removeEventListener('abort', endReplaced);
    };
    const end = (): void => {
      stop();
      resolve();
    };
    // What was written before its kind became another is told.
    const endReplaced = (): void => {
      context.store.settle();
      end();
    };
    const timeout = setTimeout(() => {
      bookmark();
      end();
    }, options.timeoutMs);
    sink.signal.addEventListener('abort', end, { once: true });
    replaced?.addEventListener('abort', endReplaced, { once: true });
    if (sink.signal.aborted || replaced?.aborted === true) end();
  });
}

function writeInitial(context: ApiContext, { resource, options, lines, sink, history }: WatchRun): void {
  if (history !== undefined) {
    for (const event of history) {
      const line = lines.of(event, options.selection);
      if (line !== undefined) sink.write(line);
    }
    return;
  }
  context.store.settle();
  for (const stored of context.store.list(resource.storage, options.selection.namespace)) {
    if (options.selection.matches(stored)) sink.write(lines.line('ADDED', stored));
  }
  if (options.marksInitialEnd) sink.write(lines.bookmark(context.store.revision, true));
}
