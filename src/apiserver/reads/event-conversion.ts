// Events live once, in core/v1's form; events.k8s.io/v1 shows them with its own names of the fields.

import { objectOf, type Draft } from '../../objects/json.ts';
import type { KubeObject } from '../../objects/meta.ts';

/** [events.k8s.io name, core name] of fields that only change their name. */
const RENAMED: readonly (readonly [string, string])[] = [
  ['regarding', 'involvedObject'],
  ['note', 'message'],
  ['reportingController', 'reportingComponent'],
  ['deprecatedSource', 'source'],
  ['deprecatedFirstTimestamp', 'firstTimestamp'],
  ['deprecatedLastTimestamp', 'lastTimestamp'],
  ['deprecatedCount', 'count'],
];

/** A core event as events.k8s.io/v1 shows it. */
export function toEventsGroup(event: KubeObject): KubeObject {
  return {
    ...renamed(
      event,
      RENAMED.map(([shown, stored]) => [stored, shown]),
    ),
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: event.metadata,
  };
}

/** The inverse, for bodies of requests. */
export function fromEventsGroup(event: Readonly<Draft>): Draft {
  return {
    ...renamed(event, RENAMED),
    apiVersion: 'v1',
    kind: 'Event',
    metadata: objectOf(event['metadata']),
  };
}

function renamed(event: Readonly<Draft>, names: readonly (readonly [string, string])[]): Draft {
  const result: Draft = { ...event };
  for (const [from] of names) delete result[from];
  for (const [from, to] of names) if (event[from] !== undefined) result[to] = event[from];
  return result;
}
