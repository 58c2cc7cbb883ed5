// STATUS: whether an ADD would succeed now.

import { messageOf } from '../base/errors.ts';
import { CNI_ERROR, cniError } from './cni-error.ts';
import type { CniContext } from './context.ts';

/** Throws code 50 where the node has no pod prefix yet or a prefix has no address left. */
export function requireReady(context: CniContext): void {
  try {
    context.network();
  } catch (cause) {
    throw cniError(CNI_ERROR.notAvailable, `Cannot serve ADD: ${messageOf(cause)}`, { cause });
  }
  if (context.leases.hasRoom()) return;
  const pools = context.leases
    .usage()
    .map(
      ({ prefix, size, used, free, resting }) =>
        `pool=${prefix} size=${size} used=${used} free=${free} resting=${resting}`,
    );
  throw cniError(CNI_ERROR.notAvailable, 'Cannot serve ADD: no pod address is left', {
    details: pools.join('; '),
  });
}
