// What the statuses of a cluster say against a Gateway and a route of it.

import type { Gateway } from '../../objects/gateway-api/gateway.ts';
import { objectKey } from '../../objects/slim-meta.ts';
import type { AnyRoute } from '../../oracle/route-attach.ts';
import { listAt, textAt } from './loose.ts';
import type { RouteWorld } from './route-world.ts';

/** Conditions that are good where they are true, and those that are bad; what else others write is nothing to be told of. */
const GOOD = ['Accepted', 'Programmed', 'ResolvedRefs', 'fairlead.dev/Programmed'];
const BAD = ['fairlead.dev/Limited', 'PartiallyInvalid'];

export function conditionNotes(
  { raw }: RouteWorld,
  gateway: Gateway,
  of: AnyRoute | undefined,
): readonly string[] {
  const own = `Gateway ${objectKey(gateway)}`;
  const ofGateway = notesOf(own, listAt(raw.get(own), 'status', 'conditions'));
  if (of === undefined) return ofGateway;
  const route = `${of.kind} ${objectKey(of.route)}`;
  const parents = listAt(raw.get(route), 'status', 'parents').filter(
    (it) =>
      textAt(it, 'parentRef', 'name') === gateway.name &&
      (textAt(it, 'parentRef', 'namespace') ?? of.route.namespace) === gateway.namespace,
  );
  const ofRoute = parents.flatMap((it) => notesOf(route, listAt(it, 'conditions')));
  return [...ofGateway, ...new Set(ofRoute)];
}

function notesOf(who: string, conditions: readonly unknown[]): readonly string[] {
  return conditions.flatMap((it) => {
    const [type = '', status = '', reason = '', message = ''] = ['type', 'status', 'reason', 'message'].map(
      (key) => textAt(it, key),
    );
    const isAgainst = (GOOD.includes(type) && status !== 'True') || (BAD.includes(type) && status === 'True');
    return isAgainst ? [`${who}: ${type} is ${status} (${reason}): ${message}`] : [];
  });
}
