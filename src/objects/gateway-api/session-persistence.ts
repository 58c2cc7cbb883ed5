// Reading how a client is stuck to a backend (GEP-1619).

import type { Field } from '../slim-field.ts';
import type { SessionPersistence } from './common.ts';
import { optionalDurationMs } from './duration.ts';

const TYPES = { Cookie: 'cookie', Header: 'header' } as const;
const LIFETIMES = { Session: 'session', Permanent: 'permanent' } as const;

export function readPersistence(field: Field): SessionPersistence | undefined {
  if (field.isAbsent) return undefined;
  return {
    type: field.at('type').choice<SessionPersistence['type']>(TYPES, 'cookie'),
    sessionName: field.at('sessionName').optionalText(),
    absoluteTimeoutMs: optionalDurationMs(field.at('absoluteTimeout')),
    cookieLifetime: field
      .at('cookieConfig.lifetimeType')
      .choice<SessionPersistence['cookieLifetime']>(LIFETIMES, 'session'),
  };
}
