// Which Gateway a request is about where nobody says it: the one whose listeners and routes have it.

import { FairleadError } from '../../base/errors.ts';
import type { Gateway } from '../../objects/gateway-api/gateway.ts';
import { objectKey } from '../../objects/slim-meta.ts';
import { explainRoute, type RouteExplanation } from '../../oracle/route-explain.ts';
import { listenersOf } from '../../oracle/route-listener.ts';
import { askedText, requestTo, type Asked } from './asked.ts';
import type { RouteWorld } from './route-world.ts';

/** Throws `invalid` where there is none, or not one alone, with those that there are. */
export function chooseGateway(world: RouteWorld, asked: Asked, named: string | undefined): Gateway {
  const { gateways } = world.objects;
  if (named !== undefined) {
    const found = gateways.find((it) => objectKey(it) === named);
    return (
      found ??
      fail(
        `find Gateway ${named}`,
        gateways.length === 0 ? 'there is none at all' : `there are ${namesOf(gateways)}`,
      )
    );
  }
  const [only, ...more] = gateways;
  if (only === undefined) return fail('tell what has it', 'there are no Gateways');
  if (more.length === 0) return only;
  const ranked = gateways.map((it) => ({
    gateway: it,
    rank: rankOf(explainRoute(world.objects, requestTo(it, asked))),
  }));
  const best = Math.max(...ranked.map((it) => it.rank));
  const [first, ...others] = ranked.filter((it) => it.rank === best).map((it) => it.gateway);
  if (first !== undefined && others.length === 0) return first;
  return best === 0
    ? fail(
        `tell which Gateway ${askedText(asked)} is about`,
        `none listens there: ${gateways.map((it) => withPorts(world, it)).join('; ')}`,
      )
    : fail(
        `tell which Gateway ${askedText(asked)} is about`,
        `${namesOf([...(first ? [first] : []), ...others])} have it: name one by --gateway`,
      );
}

/** How much of a Gateway has the request: a rule, a listener by name, a port, nothing. */
function rankOf({ answer, at }: RouteExplanation): number {
  if (answer.kind === 'rule' || answer.kind === 'stream') return 3;
  if (at !== undefined) return 2;
  return answer.kind === 'closed' && answer.because === 'no-listener' ? 0 : 1;
}

function namesOf(gateways: readonly Gateway[]): string {
  return gateways.map(objectKey).sort().join(', ');
}

function withPorts({ objects }: RouteWorld, gateway: Gateway): string {
  const listeners = listenersOf(objects, gateway).map(
    ({ listener: { port, protocol, hostname } }) =>
      `${port} ${protocol}${hostname === undefined ? '' : ` ${hostname}`}`,
  );
  return `${objectKey(gateway)} (${[...new Set(listeners)].join(', ')})`;
}

function fail(what: string, why: string): never {
  throw new FairleadError('invalid', `Cannot ${what}: ${why}`);
}
