// What the statuses of a cluster say against a Gateway and a route of it.

import type { Gateway } from '../../objects/gateway-api/gateway.ts';
import { objectKey } from '../../objects/slim-meta.ts';
import type { AnyRoute } from '../../oracle/route-attach.ts';
import type { RouteWorld } from './route-world.ts';

/** Conditions that are good where they are true, as others write them; what else is there is nothing to be told of. */
const GOOD = ['Accepted', 'Programmed', 'ResolvedRefs', 'fairlead.dev/Programmed'];
/** And those that are bad. */
const BAD = ['fairlead.dev/Limited', 'PartiallyInvalid'];

export function conditionNotes(
  { raw }: RouteWorld,
  gateway: Gateway,
  of: AnyRoute | undefined,
): readonly string[] {
  const ofGateway = notesOf(
    `Gateway ${objectKey(gateway)}`,
    valueAt(raw.get(`Gateway ${objectKey(gateway)}`), 'status', 'conditions'),
  );
  if (of === undefined) return ofGateway;
  const route = `${of.kind} ${objectKey(of.route)}`;
  const parents = listOf(valueAt(raw.get(route), 'status', 'parents'));
  const own = parents.filter((it) => {
    const ref = valueAt(it, 'parentRef');
    return (
      valueAt(ref, 'name') === gateway.name &&
      (valueAt(ref, 'namespace') ?? of.route.namespace) === gateway.namespace
    );
  });
  return [...ofGateway, ...new Set(own.flatMap((it) => notesOf(route, valueAt(it, 'conditions'))))];
}

function notesOf(who: string, conditions: unknown): readonly string[] {
  return listOf(conditions).flatMap((it) => {
    const [type, status, reason, message] = ['type', 'status', 'reason', 'message'].map((key) => {
      const value = valueAt(it, key);
      return typeof value === 'string' ? value : '';
    });
    const isAgainst =
      (GOOD.includes(type ?? '') && status !== 'True') || (BAD.includes(type ?? '') && status === 'True');
    return isAgainst ? [`${who}: ${type} is ${status} (${reason}): ${message}`] : [];
  });
}

/** Statuses are whatever a controller has written: nothing of their shape is certain. */
function valueAt(from: unknown, ...path: readonly string[]): unknown {
  let value = from;
  for (const key of path)
    value =
      typeof value === 'object' && value !== null
        ? (value as Readonly<Record<string, unknown>>)[key]
        : undefined;
  return value;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
