// Whether a request may go on: who asks, for whom, what, and whether they may.

import type { IncomingMessage } from 'node:http';
import type { Decision } from '../../objects/access/access-index.ts';
import type { RequestAttributes } from '../../objects/access/attributes.ts';
import type { KubeObject } from '../../objects/meta.ts';
import { ANONYMOUS, authenticate } from './authentication.ts';
import { refusal } from './authorization.ts';
import type { ApiContext } from '../context.ts';
import { impersonated } from './impersonation.ts';
import { attributesOf } from '../http/request-attributes.ts';
import type { ApiRequest, Target, User } from '../http/request.ts';
import { unauthorized } from '../http/status-error.ts';
import { targetOf, withoutOldWatch } from '../http/target.ts';

/** What is known of a request, as far as it came: the audit log tells of those that were refused as well. */
export interface Admission {
  request: ApiRequest;
  target?: Target | undefined;
  attributes?: RequestAttributes;
  /** Who authenticated; the request's own user is another one where it is made for somebody else. */
  user?: User;
  decision?: Decision;
  /** What the request made. */
  object?: KubeObject;
  /** What is to be said beside the answer. */
  readonly warnings: string[];
  /** What policies want told of the request in the audit log. */
  readonly annotations: Map<string, string>;
}

/** Completes `admission`; throws 401 without valid credentials, 403 for what is not allowed, 404 for a path of no kind. */
export function admit(context: ApiContext, incoming: IncomingMessage, admission: Admission): void {
  admission.request = withoutOldWatch(admission.request);
  const { path, headers } = admission.request;
  const target = targetOf(path, context.kinds);
  const attributes = attributesOf(admission.request, target);
  Object.assign(admission, { target, attributes });
  const user = authenticate(context, incoming);
  admission.user = user;
  const effective = impersonated(context.authorizer, user, headers) ?? user;
  admission.request = {
    ...admission.request,
    user: effective,
    onCreated: (object) => (admission.object = object),
    onWarning: (text) => admission.warnings.push(text),
    onAnnotation: (key, value) => admission.annotations.set(key, value),
  };
  const decision = context.authorizer.decide(effective, attributes);
  admission.decision = decision;
  if (decision.isAllowed) return;
  throw effective === ANONYMOUS ? unauthorized() : refusal(effective, attributes, decision.reason);
}
