// The finalize subresource: the namespace controller takes its finalizer away when nothing is left inside.

import { objectOf } from '../../objects/json.ts';
import { admitWrite } from '../admission/admit-write.ts';
import type { ApiContext } from '../context.ts';
import { readBodyObject } from '../object-routes.ts';
import { objectReply, storedOf } from '../reads/read.ts';
import type { ApiRequest, ObjectTarget, Reply } from '../http/request.ts';
import { methodNotAllowed, staleRevision } from '../http/status-error.ts';
import { replaceObject } from '../writes/write.ts';

export async function handleFinalize(
  context: ApiContext,
  request: ApiRequest,
  target: ObjectTarget,
): Promise<Reply> {
  if (request.method !== 'PUT') throw methodNotAllowed();
  const body = await readBodyObject(request);
  const previous = storedOf(context, target);
  const { resourceVersion } = objectOf(body['metadata']);
  if (
    typeof resourceVersion === 'string' &&
    resourceVersion !== '' &&
    resourceVersion !== previous.object.metadata.resourceVersion
  ) {
    throw staleRevision(target.resource, target.name);
  }
  const finalizers = objectOf(body['spec'])['finalizers'] ?? [];
  const next = { ...previous.object, spec: { ...objectOf(previous.object['spec']), finalizers } };
  const isDryRun = request.query.has('dryRun');
  admitWrite(context, request, target, {
    operation: 'UPDATE',
    object: next,
    oldObject: previous.object,
    isDryRun,
  });
  const stored = replaceObject(context, target.resource, next, { previous, isDryRun });
  return objectReply(context, request, { code: 200, resource: target.resource, stored });
}
