// Transport ports and protocols.

import type { Brand } from './brand.ts';
import { FairleadError } from './errors.ts';
import { shown } from './shown.ts';

/** A port from 1 to 65535. */
export type Port = Brand<number, 'Port'>;

export type Protocol = 'TCP' | 'UDP' | 'SCTP';

/** The numbers of the kernel's IPPROTO_* (linux/in.h). */
export const PROTOCOL_NUMBERS: Readonly<Record<Protocol, number>> = { TCP: 6, UDP: 17, SCTP: 132 };

export function isPort(value: unknown): value is Port {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65535;
}

export function parsePort(value: unknown): Port {
  if (!isPort(value))
    throw new FairleadError('invalid', `Cannot read port "${shown(value)}": not in 1 to 65535`);
  return value;
}

export function parseProtocol(value: unknown): Protocol {
  if (value === 'TCP' || value === 'UDP' || value === 'SCTP') return value;
  throw new FairleadError('invalid', `Cannot read protocol "${shown(value)}": must be TCP, UDP or SCTP`);
}
