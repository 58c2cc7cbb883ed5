// From the API's Status objects and HTTP codes to our one error class.

import type { Status } from 'kubernetes-types/meta/v1.d.ts';
import { FairleadError, type ErrorCode } from '../base/errors.ts';

/** The error for an answer that is not 2xx; its cause is the Status where the server sent one (see `statusOf`). */
export function errorOfAnswer(action: string, httpStatus: number, body: string): FairleadError {
  const status = parseStatus(body);
  const message = status?.message ?? (body.length > 0 ? body.slice(0, 200).trim() : `HTTP ${httpStatus}`);
  return new FairleadError(codeOf(httpStatus, status?.reason), `Cannot ${action}: ${message}`, {
    details: {
      httpStatus,
      reason: status?.reason,
      retryAfterS: status?.details?.retryAfterSeconds,
    },
    cause: status,
  });
}

/** The server's Status behind an error of the client, undefined where the server sent none (or was not reached). */
export function statusOf(error: unknown): Status | undefined {
  if (!(error instanceof FairleadError)) return undefined;
  return isStatus(error.cause) ? error.cause : undefined;
}

function codeOf(httpStatus: number, reason: string | undefined): ErrorCode {
  if (httpStatus === 409) return reason === 'AlreadyExists' ? 'already-exists' : 'conflict';
  if (httpStatus === 429 || httpStatus >= 500) return 'unavailable';
  return CODES[httpStatus] ?? 'invalid';
}

const CODES: Readonly<Record<number, ErrorCode>> = {
  401: 'forbidden',
  403: 'forbidden',
  404: 'not-found',
  405: 'unsupported',
  410: 'gone',
};

function parseStatus(body: string): Status | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return isStatus(value) ? value : undefined;
  } catch {
    return undefined; // Proxies and crashed servers answer with text; the caller then shows that.
  }
}

function isStatus(value: unknown): value is Status {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'Status';
}
