// When certificates end, and when somebody has to be told. Pure.

import { timeText } from '../base/clock.ts';
import { SECRETS } from '../kube/resource.ts';
import type { ProxyCertificate } from '../model/gateway.ts';
import type { ObjectWithProblems } from './problem-events.ts';

export interface CertificateExpiry {
  /** Of the certificate. */
  readonly id: string;
  readonly untilMs: number;
  readonly state: 'Valid' | 'Expiring' | 'Expired';
  /** Changes with the days that are left, no more often. */
  readonly message: string;
}

const DAY_MS = 24 * 3600 * 1000;
/** Whoever renews by himself does so with a third of the time left (cert-manager's `renewBefore`): with less than a fifth nobody does. */
const NOTICE_MS = 14 * DAY_MS;
const NOTICE_SHARE = 0.2;

/** The one that ends first is first. */
export function expiriesOf(
  certificates: Iterable<ProxyCertificate>,
  nowMs: number,
): readonly CertificateExpiry[] {
  const found = [...certificates].flatMap(({ id, validity }) =>
    validity === undefined ? [] : [expiryOf(id, validity, nowMs)],
  );
  return found.sort((a, b) => a.untilMs - b.untilMs || (a.id < b.id ? -1 : 1));
}

function expiryOf(
  id: string,
  { fromMs, untilMs }: NonNullable<ProxyCertificate['validity']>,
  nowMs: number,
): CertificateExpiry {
  const leftMs = untilMs - nowMs;
  const until = timeText(untilMs);
  if (leftMs <= 0) return { id, untilMs, state: 'Expired', message: `${id} was valid until ${until}` };
  const message = `${id} is valid until ${until}`;
  if (leftMs >= Math.min(NOTICE_MS, (untilMs - fromMs) * NOTICE_SHARE))
    return { id, untilMs, state: 'Valid', message };
  const days = Math.floor(leftMs / DAY_MS);
  const left = days === 0 ? 'less than a day is' : days === 1 ? 'one day is' : `${days} days are`;
  return { id, untilMs, state: 'Expiring', message: `${message}: ${left} left` };
}

/** Of the Secrets that end soon or have ended. */
export function expiryProblems(
  certificates: Iterable<ProxyCertificate>,
  nowMs: number,
): readonly ObjectWithProblems[] {
  return expiriesOf(certificates, nowMs).flatMap(({ id, state, message }) => {
    const [, namespace, name] = /^Secret ([^/]+)\/(.+)$/.exec(id) ?? [];
    if (state === 'Valid' || namespace === undefined || name === undefined) return [];
    return [
      { resource: SECRETS, namespace, name, uid: '', problems: [{ reason: `Certificate${state}`, message }] },
    ];
  });
}
