// How an exec ended, as the clients of Kubernetes read it: a Status object (meta/v1), or one sentence for old protocols.

export interface ExecStatus {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  readonly metadata: object;
  readonly status: 'Success' | 'Failure';
  readonly reason?: string;
  readonly message?: string;
  readonly code?: number;
  readonly details?: { readonly causes: readonly { readonly reason: string; readonly message: string }[] };
}

const BASE = { kind: 'Status', apiVersion: 'v1', metadata: {} } as const;

/** The process ran and ended with `code`. */
export function exitStatus(code: number): ExecStatus {
  if (code === 0) return { ...BASE, status: 'Success' };
  return {
    ...BASE,
    status: 'Failure',
    reason: 'NonZeroExitCode',
    message: `command terminated with non-zero exit code: exit status ${code}`,
    details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
  };
}

/** Nothing could be run; `what` says what failed. */
export function failureStatus(what: string, message: string): ExecStatus {
  return {
    ...BASE,
    status: 'Failure',
    reason: 'InternalError',
    code: 500,
    message: `${what}: ${message}`,
  };
}
