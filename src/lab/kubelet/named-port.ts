// A port by number or by the name that the container declares.

import { FairleadError } from '../../base/errors.ts';
import { isPort } from '../../base/port.ts';
import type { Container } from '../../objects/api-types.ts';

/** Throws `invalid` where the container declares no port of that name. */
export function namedPort(container: Container, port: number | string): number {
  const declared = (container.ports ?? []).find((it) => it.name === port)?.containerPort;
  const found = declared ?? Number(port);
  if (!isPort(found))
    throw new FairleadError('invalid', `Cannot find port "${port}" of container ${container.name}`);
  return found;
}
