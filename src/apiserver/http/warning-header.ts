// Warnings beside an answer, as kubectl shows them (RFC 7234 5.5).

import type { Reply } from './request.ts';

/** More than these tell nobody anything. */
const MAX_WARNINGS = 20;

export function warningHeaders(warnings: readonly string[]): readonly string[] {
  return warnings.slice(0, MAX_WARNINGS).map(warningHeader);
}

/** Code 299, no agent. Header values are ASCII. */
function warningHeader(text: string): string {
  const safe = text.replaceAll(/[^\x20-\x7e]/g, '?').replaceAll(/["\\]/g, '\\$&');
  return `299 - "${safe.slice(0, 500)}"`;
}

/** The reply with further warnings; streams carry none. */
export function withWarnings(reply: Reply, warnings: readonly string[]): Reply {
  if (warnings.length === 0 || reply.kind !== 'whole') return reply;
  const before = [reply.headers?.['warning'] ?? []].flat();
  return { ...reply, headers: { ...reply.headers, warning: [...before, ...warningHeaders(warnings)] } };
}
