// From a target to what answers it.

import type { ApiContext } from './context.ts';
import { handleCollection, handleObject, handlePart } from './object-routes.ts';
import type { ApiRequest, ObjectTarget, Reply, Target } from './http/request.ts';
import { handleReview } from './access/reviews.ts';
import { badRequest, methodNotAllowed, pathNotFound } from './http/status-error.ts';
import { streamLog } from './subresources/kubelet.ts';
import { handleFinalize } from './subresources/namespaces.ts';
import { handleBinding, handleEviction } from './subresources/pods.ts';
import { handleScale } from './subresources/scale.ts';
import { upgradeRequired } from './subresources/streams.ts';
import { handleToken } from './subresources/tokens.ts';
import { updateEphemeralContainers, updateStatus } from './writes/write.ts';

type Handler = (context: ApiContext, request: ApiRequest, target: ObjectTarget) => Promise<Reply> | Reply;

const SUBRESOURCES: Readonly<Record<string, Handler>> = {
  status: handlePart(updateStatus),
  ephemeralcontainers: handlePart(updateEphemeralContainers),
  scale: handleScale,
  finalize: handleFinalize,
  binding: handleBinding,
  eviction: handleEviction,
  token: handleToken,
  log: streamLog,
  exec: refuseWithoutUpgrade,
  attach: refuseWithoutUpgrade,
  portforward: refuseWithoutUpgrade,
};

/** Answers a request on resources; throws StatusError. */
export function handleResource(
  context: ApiContext,
  request: ApiRequest,
  target: Target,
): Promise<Reply> | Reply {
  const { resource, name, subresource } = target;
  if (resource.custom?.isTerminating === true && request.method === 'POST')
    throw methodNotAllowed('create not allowed while custom resource definition is terminating');
  if (resource.message === 'core.Binding') throw badRequest('use pods/NAME/binding');
  if (resource.verbs.length === 1) return handleReview(context, request, target);
  if (name === undefined) return handleCollection(context, request, target);
  const objectTarget = { ...target, name };
  if (subresource === undefined) return handleObject(context, request, objectTarget);
  const handler = SUBRESOURCES[subresource];
  if (handler === undefined) throw pathNotFound();
  return handler(context, request, objectTarget);
}

function refuseWithoutUpgrade(
  _context: ApiContext,
  request: ApiRequest,
  { subresource }: ObjectTarget,
): never {
  if (request.method !== 'GET' && request.method !== 'POST') throw methodNotAllowed();
  throw upgradeRequired(subresource ?? '');
}
