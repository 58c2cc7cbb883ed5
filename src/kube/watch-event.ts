// One line of a watch, parsed: the server's text becomes one of four events or an error with a code.

import type { Status } from 'kubernetes-types/meta/v1.d.ts';
import { FairleadError } from '../base/errors.ts';
import { errorOfAnswer } from './api-error.ts';
import type { KubeObject } from '../objects/meta.ts';

export type WatchEvent<T extends KubeObject> =
  | { readonly kind: 'put'; readonly object: T }
  | { readonly kind: 'delete'; readonly object: T }
  | { readonly kind: 'bookmark'; readonly resourceVersion: string };

/** Throws the error that an ERROR event carries (`gone` for 410), `invalid` for what is no event. Undefined for types that are not known yet. */
export function parseWatchEvent<T extends KubeObject>(
  line: unknown,
  action: string,
): WatchEvent<T> | undefined {
  const { type, object } = envelopeOf(line, action);
  if (type === 'ERROR') throw errorOfEvent(object, action);
  const resourceVersion = object.metadata?.resourceVersion;
  if (resourceVersion === undefined) {
    throw new FairleadError('invalid', `Cannot ${action}: event ${type} without a resourceVersion`);
  }
  if (type === 'BOOKMARK') return { kind: 'bookmark', resourceVersion };
  if (object.metadata?.name === undefined) {
    throw new FairleadError('invalid', `Cannot ${action}: event ${type} without a name`);
  }
  const live = object as T; // The server is trusted for the shape of the kind that was asked for.
  if (type === 'ADDED' || type === 'MODIFIED') return { kind: 'put', object: live };
  return type === 'DELETED' ? { kind: 'delete', object: live } : undefined;
}

function envelopeOf(
  line: unknown,
  action: string,
): { readonly type: string; readonly object: Partial<KubeObject> } {
  if (typeof line === 'object' && line !== null && 'type' in line && 'object' in line) {
    const { type, object } = line;
    if (typeof type === 'string' && typeof object === 'object' && object !== null) return { type, object };
  }
  throw new FairleadError('invalid', `Cannot ${action}: a line is no watch event`);
}

function errorOfEvent(object: Partial<KubeObject>, action: string): FairleadError {
  const status = object as Status; // ERROR events carry a Status, whose fields are all optional.
  return errorOfAnswer(action, status.code ?? 500, JSON.stringify({ kind: 'Status', ...status }));
}
