// Questions to the server that are posted and answered, never stored: who am I, may I, whose token is this.

import { listOf, objectOf, textOf, type Draft } from '../../objects/json.ts';
import { apiVersionOf } from '../../objects/resources.ts';
import { rulesReview, selfReview, subjectReview } from './access-reviews.ts';
import { tokenUser } from './authentication.ts';
import type { ApiContext } from '../context.ts';
import { readBodyObject } from '../object-routes.ts';
import { jsonReply, type ApiRequest, type Reply, type Target, type User } from '../http/request.ts';
import { methodNotAllowed, pathNotFound } from '../http/status-error.ts';

/** Answers a POST of a review kind. */
export async function handleReview(context: ApiContext, request: ApiRequest, target: Target): Promise<Reply> {
  const { resource } = target;
  if (request.method !== 'POST') throw methodNotAllowed();
  const body = await readBodyObject(request);
  const head = {
    kind: resource.kind,
    apiVersion: apiVersionOf(resource),
    metadata: { creationTimestamp: null },
  };
  const spec = objectOf(body['spec']);
  return jsonReply(201, { ...head, spec, status: statusOf(context, request, { target, spec }) });
}

function statusOf(
  context: ApiContext,
  { user }: ApiRequest,
  { target, spec }: { readonly target: Target; readonly spec: Readonly<Draft> },
): object {
  switch (target.resource.kind) {
    case 'SelfSubjectAccessReview':
      return selfReview(context, user, spec);
    case 'SubjectAccessReview':
    case 'LocalSubjectAccessReview':
      return subjectReview(context, spec, target);
    case 'SelfSubjectRulesReview':
      return rulesReview(context, user, spec);
    case 'SelfSubjectReview':
      return { userInfo: infoOf(user) };
    case 'TokenReview':
      return tokenStatus(context, spec);
    default:
      throw pathNotFound();
  }
}

function tokenStatus(context: ApiContext, spec: Readonly<Draft>): object {
  const asked = listOf(spec['audiences']).map(String);
  const found = tokenUser(context, textOf(spec['token']) ?? '', asked.length === 0 ? undefined : asked);
  if (found === undefined) return { authenticated: false, error: 'invalid bearer token' };
  return { authenticated: true, user: infoOf(found.user), audiences: found.audiences };
}

function infoOf({ name, uid, groups, extra }: User): object {
  return {
    username: name,
    ...(uid === undefined ? {} : { uid }),
    groups,
    ...(extra === undefined ? {} : { extra }),
  };
}
