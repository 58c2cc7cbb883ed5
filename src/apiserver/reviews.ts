// Questions to the server that are posted and answered, never stored: who am I, may I, whose token is this.

import { objectOf, textOf, type Draft } from '../objects/json.ts';
import { apiVersionOf } from '../objects/resources.ts';
import type { ApiContext } from './context.ts';
import { readBodyObject } from './object-routes.ts';
import { jsonReply, type ApiRequest, type Reply, type Target, type User } from './request.ts';
import { methodNotAllowed, pathNotFound } from './status-error.ts';

/** Everyone who is authenticated may do everything: roles are stored, not yet enforced. */
const ALLOWED = { allowed: true, reason: 'roles are not enforced by this server' };

/** Answers a POST of a review kind. */
export async function handleReview(
  context: ApiContext,
  request: ApiRequest,
  { resource }: Target,
): Promise<Reply> {
  if (request.method !== 'POST') throw methodNotAllowed();
  const body = await readBodyObject(request);
  const head = {
    kind: resource.kind,
    apiVersion: apiVersionOf(resource),
    metadata: { creationTimestamp: null },
  };
  const spec = objectOf(body['spec']);
  return jsonReply(201, { ...head, spec, status: statusOf(context, request, { kind: resource.kind, spec }) });
}

function statusOf(
  context: ApiContext,
  request: ApiRequest,
  { kind, spec }: { kind: string; spec: Readonly<Draft> },
): object {
  switch (kind) {
    case 'SelfSubjectAccessReview':
    case 'SubjectAccessReview':
    case 'LocalSubjectAccessReview':
      return ALLOWED;
    case 'SelfSubjectRulesReview': {
      const resourceRules = [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }];
      return {
        resourceRules,
        nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
        incomplete: false,
      };
    }
    case 'SelfSubjectReview':
      return { userInfo: infoOf(request.user) };
    case 'TokenReview':
      return tokenStatus(context, textOf(spec['token']) ?? '');
    default:
      throw pathNotFound();
  }
}

function tokenStatus(context: ApiContext, token: string): object {
  const user = context.tokens.verify(token, context.clock.nowMs());
  if (user === undefined) return { authenticated: false, error: 'invalid bearer token' };
  return { authenticated: true, user: infoOf(user) };
}

function infoOf(user: User): object {
  return { username: user.name, ...(user.uid === undefined ? {} : { uid: user.uid }), groups: user.groups };
}
