// What of a rule's retries HAProxy 2.6 can do (its configuration manual, "retry-on"): some status codes, no pause before the next try.

import type { BackendRetry } from '../../model/gateway.ts';
import type { HttpRetry } from '../../objects/gateway-api/http-route.ts';

/** Collects in words what is asked for and not had. */
export type Shortfalls = string[];

const CODES = new Set([401, 403, 404, 408, 425, 500, 501, 502, 503, 504]);
/** The specification leaves the number to us. */
const ATTEMPTS = 2;

export function retryOf(retry: HttpRetry | undefined, shortfalls: Shortfalls): BackendRetry | undefined {
  if (retry === undefined) return undefined;
  const others = retry.codes.filter((it) => !CODES.has(it));
  if (others.length > 0) shortfalls.push(`no retry after status ${others.join(', ')}`);
  if ((retry.backoffMs ?? 0) > 0) shortfalls.push(`retries do not wait ${retry.backoffMs} ms`);
  const codes = [...new Set(retry.codes.filter((it) => CODES.has(it)))].sort((a, b) => a - b);
  return { attempts: retry.attempts ?? ATTEMPTS, codes };
}
