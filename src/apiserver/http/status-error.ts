// The API's own failures: what goes to the client as a Status object (meta/v1), with its HTTP code, reason and causes.

import type { Resource } from '../../objects/resources.ts';

export interface StatusCause {
  readonly reason?: string;
  readonly message: string;
  /** Path of the field: "spec.containers[0].name". */
  readonly field?: string;
}

export interface StatusDetails {
  readonly name?: string | undefined;
  readonly group?: string | undefined;
  readonly kind?: string | undefined;
  readonly uid?: string | undefined;
  readonly causes?: readonly StatusCause[] | undefined;
  readonly retryAfterSeconds?: number | undefined;
}

/** Thrown by handlers; the server writes `status` as the answer. */
export class StatusError extends Error {
  override readonly name = 'StatusError';
  readonly code: number;
  readonly reason: string;
  readonly details: StatusDetails | undefined;

  constructor(code: number, reason: string, message: string, details?: StatusDetails) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.details = details;
  }

  get status(): object {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      reason: this.reason,
      details: this.details,
      code: this.code,
    };
  }
}

type Named = Pick<Resource, 'group' | 'plural'>;

/** "deployments.apps", as messages name resources. */
export function qualifiedName({ group, plural }: Named): string {
  return group === '' ? plural : `${plural}.${group}`;
}

function detailsOf(resource: Named, name: string, causes?: readonly StatusCause[]): StatusDetails {
  const group = resource.group === '' ? undefined : resource.group;
  return { name, group, kind: resource.plural, causes };
}

export function notFound(resource: Named, name: string): StatusError {
  return new StatusError(
    404,
    'NotFound',
    `${qualifiedName(resource)} "${name}" not found`,
    detailsOf(resource, name),
  );
}

/** An unknown path; kubectl shows this very sentence. */
export function pathNotFound(): StatusError {
  return new StatusError(404, 'NotFound', 'the server could not find the requested resource', {});
}

export function alreadyExists(resource: Named, name: string): StatusError {
  const message = `${qualifiedName(resource)} "${name}" already exists`;
  return new StatusError(409, 'AlreadyExists', message, detailsOf(resource, name));
}

export function conflict(resource: Named, name: string, because: string): StatusError {
  const message = `Operation cannot be fulfilled on ${qualifiedName(resource)} "${name}": ${because}`;
  return new StatusError(409, 'Conflict', message, detailsOf(resource, name));
}

/** The optimistic lock failed. */
export function staleRevision(resource: Named, name: string): StatusError {
  const because =
    'the object has been modified; please apply your changes to the latest version and try again';
  return conflict(resource, name, because);
}

export function forbidden(
  resource: Named,
  name: string,
  because: string,
  causes?: readonly StatusCause[],
): StatusError {
  const subject = name === '' ? qualifiedName(resource) : `${qualifiedName(resource)} "${name}"`;
  return new StatusError(
    403,
    'Forbidden',
    `${subject} is forbidden: ${because}`,
    detailsOf(resource, name, causes),
  );
}

/** 422 with a cause per field. */
export function invalid(
  kind: Pick<Resource, 'group' | 'kind'>,
  name: string,
  causes: readonly StatusCause[],
): StatusError {
  const texts = causes.map((cause) =>
    cause.field === undefined ? cause.message : `${cause.field}: ${cause.message}`,
  );
  const list = texts.length === 1 ? (texts[0] ?? '') : `[${texts.join(', ')}]`;
  const qualified = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`;
  const details = { name, group: kind.group === '' ? undefined : kind.group, kind: kind.kind, causes };
  return new StatusError(422, 'Invalid', `${qualified} "${name}" is invalid: ${list}`, details);
}

export function badRequest(message: string): StatusError {
  return new StatusError(400, 'BadRequest', message);
}

export function methodNotAllowed(
  because = 'the server does not allow this method on the requested resource',
): StatusError {
  return new StatusError(405, 'MethodNotAllowed', because, {});
}

/** The asked-for revision is no longer kept: the client lists anew. */
export function expired(because: string): StatusError {
  return new StatusError(410, 'Expired', because);
}

export function unsupportedMediaType(found: string, supported: readonly string[]): StatusError {
  const message = `the body of the request was in an unknown format (${found.slice(0, 80)}) - accepted media types include: ${supported.join(', ')}`;
  return new StatusError(415, 'UnsupportedMediaType', message);
}

export function notAcceptable(supported: readonly string[]): StatusError {
  const message = `only the following media types are accepted: ${supported.join(', ')}`;
  return new StatusError(406, 'NotAcceptable', message);
}

export function tooLarge(limitBytes: number): StatusError {
  return new StatusError(413, 'RequestEntityTooLarge', `the request body exceeds ${limitBytes} bytes`);
}

export function unauthorized(): StatusError {
  return new StatusError(401, 'Unauthorized', 'Unauthorized');
}

/** Something that the answer depends on is away; `retryAfterSeconds` asks the client to come back. */
export function unavailable(because: string): StatusError {
  return new StatusError(503, 'ServiceUnavailable', because, { retryAfterSeconds: 1 });
}

/** A part of the API that clients know and this server does not have. */
export function unserved(subresource: string): StatusError {
  return new StatusError(
    501,
    'NotImplemented',
    `${subresource} is not served by this server: exec, attach and port-forward are`,
  );
}
