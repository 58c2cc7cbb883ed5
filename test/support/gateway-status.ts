// What must be said of a Gateway and its routes, as text.

import assert from 'node:assert/strict';
import type { GatewayObjects } from '../../src/oracle/route-objects.ts';
import { attachments, type ExpectedCondition, type GatewayStatus } from '../../src/oracle/route-status.ts';
import { aWorld } from './gateway-objects.ts';

export function statusOf(given: Partial<GatewayObjects>): GatewayStatus {
  const world = aWorld(given);
  const [gateway] = world.gateways;
  assert.ok(gateway);
  return attachments(world, gateway);
}

/** "Accepted", "!ResolvedRefs RefNotPermitted|InvalidKind", "?" for either; reasons of true ones only where they say more. */
export function told(conditions: readonly ExpectedCondition[]): string {
  return conditions
    .filter(({ type, isTrue }) => type !== 'Conflicted' || isTrue)
    .map(({ type, isTrue, reasons }) => {
      const mark = isTrue === 'either' ? '?' : isTrue ? '' : '!';
      const said = reasons.join('|');
      return `${mark}${type}${said === '' || said === type ? '' : ` ${said}`}`;
    })
    .join(', ');
}
