// Durations as the Gateway API writes them (GEP-2257): "1h30m", "10ms"; whole numbers of h, m, s and ms, and never a sign.

import type { Field } from '../slim-field.ts';

const DURATION = /^(?:\d{1,5}(?:h|m|s|ms)){1,4}$/;
const PART = /(\d{1,5})(ms|h|m|s)/g;
const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** Milliseconds; undefined for a text that is no duration. */
export function parseDuration(text: string): number | undefined {
  if (!DURATION.test(text)) return undefined;
  const parts = [...text.matchAll(PART)];
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNIT_MS[unit ?? ''] ?? 0), 0);
}

export function optionalDurationMs(field: Field): number | undefined {
  const text = field.optionalText();
  if (text === undefined) return undefined;
  return parseDuration(text) ?? field.fail(`"${text.slice(0, 80)}" is no duration such as 1h30m or 10ms`);
}
