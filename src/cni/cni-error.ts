// The numeric error codes of CNI and how any failure of ours becomes one; the text of an answer is made here alone.

import { FairleadError, messageOf, type ErrorCode } from '../base/errors.ts';
import type { CniVersion } from './versions.ts';

/** Codes 0 to 99 are the specification's (1.1.0, "Error"; 8 is libcni's), 100 and above are Fairlead's own. */
export const CNI_ERROR = {
  incompatibleVersion: 1,
  unsupportedField: 2,
  invalidEnvironment: 4,
  decodingFailure: 6,
  invalidConfig: 7,
  invalidNetns: 8,
  tryAgainLater: 11,
  notAvailable: 50,
  /** The kernel refused a change. */
  kernel: 100,
  /** The interface exists already: an ADD without its DEL. */
  interfaceExists: 101,
  /** CHECK found something missing or changed. */
  checkFailed: 102,
  /** GC could not remove everything. */
  gcIncomplete: 103,
  /** What this node runs cannot do it. */
  unsupported: 104,
  internal: 999,
} as const;

export type CniErrorCode = (typeof CNI_ERROR)[keyof typeof CNI_ERROR];

const CODE_OF: Readonly<Partial<Record<ErrorCode, CniErrorCode>>> = {
  exhausted: CNI_ERROR.tryAgainLater,
  unavailable: CNI_ERROR.tryAgainLater,
  timeout: CNI_ERROR.tryAgainLater,
  aborted: CNI_ERROR.tryAgainLater,
  kernel: CNI_ERROR.kernel,
  unsupported: CNI_ERROR.unsupported,
};

/** A failure that answers with exactly `cniCode`; `more` becomes the answer's `details`. */
export function cniError(
  cniCode: CniErrorCode,
  message: string,
  more: { details?: string; cause?: unknown } = {},
): FairleadError {
  return new FairleadError('invalid', message, {
    details: { cniCode, cniDetails: more.details },
    ...(more.cause === undefined ? {} : { cause: more.cause }),
  });
}

/** The error document of the specification: `details` holds what a machine may read, one "name=value" per fact. */
export interface CniErrorAnswer {
  readonly cniVersion: CniVersion;
  readonly code: number;
  readonly msg: string;
  readonly details?: string;
}

export function cniErrorAnswer(error: unknown, cniVersion: CniVersion): CniErrorAnswer {
  const details = detailsOf(error);
  return {
    cniVersion,
    code: cniCodeOf(error),
    msg: messageOf(error),
    ...(details === '' ? {} : { details }),
  };
}

export function cniCodeOf(error: unknown): number {
  if (!(error instanceof FairleadError)) return CNI_ERROR.internal;
  const own = error.details['cniCode'];
  return typeof own === 'number' ? own : (CODE_OF[error.code] ?? CNI_ERROR.internal);
}

function detailsOf(error: unknown): string {
  if (!(error instanceof FairleadError)) return '';
  const { cniCode: _, cniDetails, ...facts } = error.details;
  const pairs = Object.entries(facts).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`],
  );
  return [...(typeof cniDetails === 'string' ? [cniDetails] : []), ...pairs].join(' ');
}
