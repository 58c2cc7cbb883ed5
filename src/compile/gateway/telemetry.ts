// The annotation `fairlead.dev/telemetry`: "metrics", or "metrics,access-log".

import type { Telemetry } from '../../model/gateway.ts';
import { TELEMETRY_ANNOTATION } from '../../objects/gateway-api/common.ts';

export interface ReadTelemetry {
  readonly telemetry: Telemetry | undefined;
  /** Why nothing is told though something is asked for. */
  readonly problem: string | undefined;
}

const WORDS = ['metrics', 'access-log'];

/** A word that is not known keeps all of it off: half of what somebody meant is not what he meant. */
export function readTelemetry(annotation: string | undefined): ReadTelemetry {
  const words = (annotation ?? '')
    .split(',')
    .map((it) => it.trim())
    .filter((it) => it !== '');
  const unknown = words.find((it) => !WORDS.includes(it));
  if (unknown !== undefined) {
    const problem = `${TELEMETRY_ANNOTATION}: ${JSON.stringify(unknown.slice(0, 100))} is none of ${WORDS.join(', ')}; nothing is told`;
    return { telemetry: undefined, problem };
  }
  const telemetry = words.includes('access-log') ? 'access-log' : words.length > 0 ? 'metrics' : undefined;
  return { telemetry, problem: undefined };
}
