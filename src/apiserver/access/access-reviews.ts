// May somebody do something, and what may they do: the reviews of authorization.k8s.io, answered by what decides over requests.

import type { RequestAttributes, Requester } from '../../objects/access/attributes.ts';
import { listOf, objectOf, textOf, type Draft } from '../../objects/json.ts';
import type { ApiContext } from '../context.ts';
import type { Target, User } from '../http/request.ts';
import { badRequest } from '../http/status-error.ts';

type Spec = Readonly<Draft>;

/** The status of a review about the one who asks. */
export function selfReview({ authorizer }: ApiContext, user: User, spec: Spec): object {
  return statusOf(authorizer.decide(user, askedOf(spec)));
}

/** The same about anybody; a local one is about the namespace of its path alone. */
export function subjectReview({ authorizer }: ApiContext, spec: Spec, { namespace }: Target): object {
  const asked = askedOf(spec);
  if (namespace !== undefined && (asked.kind === 'path' || asked.namespace !== namespace))
    throw badRequest(`spec.resourceAttributes.namespace must be the namespace of the review: ${namespace}`);
  return statusOf(authorizer.decide(subjectOf(spec), asked));
}

/** All that the one who asks may do in a namespace, as `kubectl auth can-i --list` shows it. */
export function rulesReview({ authorizer }: ApiContext, user: User, spec: Spec): object {
  const namespace = textOf(spec['namespace']);
  if (namespace === undefined) throw badRequest('no namespace on request');
  const rules = authorizer.rulesFor(user, namespace);
  return {
    resourceRules: rules
      .filter(({ resources }) => resources.length > 0)
      .map(({ verbs, apiGroups, resources, resourceNames }) => ({
        verbs,
        apiGroups,
        resources,
        ...(resourceNames.length === 0 ? {} : { resourceNames }),
      })),
    nonResourceRules: rules
      .filter(({ nonResourceURLs }) => nonResourceURLs.length > 0)
      .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
    incomplete: false,
  };
}

function statusOf({ isAllowed, reason }: { readonly isAllowed: boolean; readonly reason: string }): object {
  return { allowed: isAllowed, ...(reason === '' ? {} : { reason }) };
}

function askedOf(spec: Spec): RequestAttributes {
  const { resourceAttributes, nonResourceAttributes } = spec;
  const hasResource = isGiven(resourceAttributes);
  if (hasResource === isGiven(nonResourceAttributes))
    throw badRequest('exactly one of nonResourceAttributes or resourceAttributes must be specified');
  const asked = objectOf(hasResource ? resourceAttributes : nonResourceAttributes);
  const text = (field: string): string => textOf(asked[field]) ?? '';
  if (!hasResource) return { kind: 'path', verb: text('verb'), path: text('path') };
  return {
    kind: 'resource',
    verb: text('verb'),
    group: text('group'),
    version: text('version'),
    resource: text('resource'),
    subresource: text('subresource'),
    namespace: text('namespace'),
    name: text('name'),
  };
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function subjectOf(spec: Spec): Requester {
  const name = textOf(spec['user']) ?? '';
  const groups = listOf(spec['groups']).map(String);
  if (name === '' && groups.length === 0) throw badRequest('at least one of user or group must be specified');
  return { name, groups };
}
