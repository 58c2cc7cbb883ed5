// The one error class of the project and the catalogue of its codes.
// A message is for the reader: "Cannot <action> <object>: <cause>", no full stop at the end.

/** Every code that a caller may act upon; the text says when it is used. */
export const ERROR_CODES = {
  invalid: 'The input is malformed: the message names the object, file, line or field',
  'not-found': 'The named thing does not exist',
  'already-exists': 'The named thing exists already',
  conflict: 'Somebody else changed or owns the thing meanwhile',
  forbidden: 'The caller may not do this (no root, no right)',
  unsupported: 'This kernel, machine or build cannot do this',
  unavailable: 'A needed process or server is away; trying again later may help',
  exhausted: 'A bounded resource is used up',
  draining: 'The thing is kept until what still uses it has ended',
  timeout: 'The thing did not happen in the stated time',
  gone: 'The asked-for revision is older than what is kept',
  kernel: 'The kernel refused; details.errno names why',
  aborted: 'The caller gave up before the end',
  internal: 'A defect of Fairlead itself',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** Facts for machines beside the message; values are plain JSON. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | undefined>>;

/** An error with a code from the catalogue, structured details and its cause. */
export class FairleadError extends Error {
  override readonly name = 'FairleadError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, options: { details?: ErrorDetails; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** True when `error` is ours and carries `code`. */
export function hasCode(error: unknown, code: ErrorCode): error is FairleadError {
  return error instanceof FairleadError && error.code === code;
}

export function isNotFound(error: unknown): error is FairleadError {
  return hasCode(error, 'not-found');
}

export function isAlreadyExists(error: unknown): error is FairleadError {
  return hasCode(error, 'already-exists');
}

/** The text of anything thrown, for wrapping: `Cannot x: ${messageOf(error)}`. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
