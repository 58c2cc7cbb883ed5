// By which addresses a Gateway or the Ingresses of a class are reached, as the statuses say it.

import { objectKey } from '../../objects/slim-meta.ts';
import { ingressesOf } from '../../oracle/route-ingress.ts';
import { listAt, textAt } from './loose.ts';
import type { RouteWorld } from './route-world.ts';
import type { Subject } from './subject.ts';

/** None where nobody has written any, as in manifests. */
export function addressesOf({ objects, raw }: RouteWorld, subject: Subject): readonly string[] {
  if (subject.kind === 'gateway') {
    const gateway = raw.get(`Gateway ${objectKey(subject.gateway)}`);
    return listAt(gateway, 'status', 'addresses').flatMap((it) => textAt(it, 'value') ?? []);
  }
  const { ingressClass } = subject;
  const ingresses = ingressesOf({ ...objects, ingressClasses: [ingressClass] }, ingressClass.controllerName);
  const found = ingresses.flatMap((it) =>
    listAt(raw.get(`Ingress ${objectKey(it)}`), 'status', 'loadBalancer', 'ingress').flatMap(
      (entry) => textAt(entry, 'ip') ?? [],
    ),
  );
  return [...new Set(found)];
}
