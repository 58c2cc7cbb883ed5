// How many definitions there may be: every change of one looks at all of them, and every client's discovery carries them.

import { storedVersionsOf } from '../../objects/custom/definition-status.ts';
import type { Draft } from '../../objects/json.ts';
import type { Resource } from '../../objects/resources.ts';
import type { ApiContext } from '../context.ts';
import { metadataOf } from '../writes/draft.ts';
import { forbidden } from '../http/status-error.ts';

const MAX_DEFINITIONS = 500;

/** Gives a new definition its first status; throws 403 where there are too many. */
export function admitDefinition(context: ApiContext, resource: Resource, draft: Draft): void {
  if (context.store.list(resource.storage).length >= MAX_DEFINITIONS) {
    const because = `this server keeps at most ${MAX_DEFINITIONS} definitions: delete those that nobody needs`;
    throw forbidden(resource, String(metadataOf(draft)['name']), because);
  }
  draft['status'] = { storedVersions: storedVersionsOf(draft) };
}
