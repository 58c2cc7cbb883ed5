// How a condition is said. Reasons are the specification's own words (gateway-api apis/v1, *_types.go).

import type { Verdict } from '../../model/gateway-verdict.ts';

export function yes(type: string, reason: string, message = ''): Verdict {
  return { type, isTrue: true, reason, message };
}

export function no(type: string, reason: string, message: string): Verdict {
  return { type, isTrue: false, reason, message };
}
