// The requests that bring the DNS process from one zone to another, cut into frames. Pure.

import { deltasOf } from '../base/deltas.ts';
import type { NameEntry, NameZone } from '../model/names.ts';
import { FRAME_GOAL_BYTES, type FeedRequest } from './feed-protocol.ts';

const KEYS_PER_FRAME = 1000;
const NO_ENTRIES: ReadonlyMap<string, NameEntry> = new Map();

/** The change that makes `base` into `next`; a whole zone where there is no base. */
export function* changeRequests(
  base: NameZone | undefined,
  next: NameZone,
  revision: number,
): Generator<FeedRequest> {
  yield { kind: 'begin', isWhole: base === undefined, revision, prefixes: next.prefixes };
  const deltas = deltasOf(next.entries, base?.entries ?? NO_ENTRIES, isSameEntry);
  yield* putRequests(deltas.add.values());
  yield* putRequests([...deltas.change.values()].map(({ to }) => to));
  const keys = [...deltas.remove.keys()];
  for (let at = 0; at < keys.length; at += KEYS_PER_FRAME) {
    yield { kind: 'delete', keys: keys.slice(at, at + KEYS_PER_FRAME) };
  }
  yield { kind: 'commit', revision };
}

function* putRequests(entries: Iterable<NameEntry>): Generator<FeedRequest> {
  let batch: NameEntry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    batch.push(entry);
    bytes += roughBytes(entry);
    if (bytes < FRAME_GOAL_BYTES) continue;
    yield { kind: 'put', entries: batch };
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield { kind: 'put', entries: batch };
}

/** Of the JSON text, near enough to cut frames. */
function roughBytes(entry: NameEntry): number {
  if (entry.kind === 'headless') return 100 + entry.endpoints.length * 120;
  return entry.kind === 'cluster-ip' ? 200 + entry.ports.length * 50 : 200;
}

function isSameEntry(a: NameEntry, b: NameEntry): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
