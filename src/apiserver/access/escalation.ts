// Nobody gives away more than they have: what is checked of every write of a role or a binding, beside the right to write it.

import { parseRoleRef } from '../../objects/access/binding.ts';
import { isAggregated } from '../../objects/access/aggregate.ts';
import { FULL_AUTHORITY, quotedList, ruleLines, uncovered } from '../../objects/access/cover.ts';
import { parseRules, type PolicyRule } from '../../objects/access/rule.ts';
import { isSameJson, type Draft } from '../../objects/json.ts';
import type { KubeObject } from '../../objects/meta.ts';
import { isPrivileged } from './authorization.ts';
import type { ApiContext } from '../context.ts';
import type { Target, User } from '../http/request.ts';
import { forbidden, notFound } from '../http/status-error.ts';

const GROUP = 'rbac.authorization.k8s.io';

/** An object as it is to be written, whole. */
export interface GrantingWrite {
  readonly before: KubeObject | undefined;
  readonly after: Readonly<Draft>;
}

/** Throws 403 for a role or binding that grants what its writer does not hold; everything else passes. */
export function checkEscalation(
  context: ApiContext,
  user: User,
  { resource, namespace = '' }: Target,
  write: GrantingWrite,
): void {
  if (resource.group !== GROUP || isPrivileged(user)) return;
  const check = resource.kind.endsWith('Binding') ? checkBinding : checkRole;
  check(context, user, { resource, namespace }, write);
}

interface Place {
  readonly resource: Target['resource'];
  readonly namespace: string;
}

function checkRole(context: ApiContext, user: User, place: Place, { before, after }: GrantingWrite): void {
  const { resource, namespace } = place;
  const name = nameOf(after);
  if (isSameGrant(before, after, ['rules', 'aggregationRule'])) return;
  const grant = { verb: 'escalate', plural: resource.plural, name, namespace };
  if (isAllowed(context, user, grant)) return;
  hold(context, user, place, { name, rules: parseRules(after['rules']) });
  if (!isAggregated(after) && !isAggregated(before ?? {})) return;
  if (uncovered(context.authorizer.rulesFor(user, namespace), FULL_AUTHORITY).length > 0)
    throw forbidden(resource, name, 'must have cluster-admin privileges to use the aggregationRule');
}

function checkBinding(context: ApiContext, user: User, place: Place, { before, after }: GrantingWrite): void {
  if (isSameGrant(before, after, ['subjects', 'roleRef'])) return;
  const ref = parseRoleRef(after['roleRef']);
  const role = { group: GROUP, plural: ref.kind === 'Role' ? 'roles' : 'clusterroles' };
  const grant = { verb: 'bind', plural: role.plural, name: ref.name, namespace: place.namespace };
  if (isAllowed(context, user, grant)) return;
  const rules = context.authorizer.rulesOf(ref, place.namespace);
  if (rules === undefined) throw notFound(role, ref.name);
  hold(context, user, place, { name: nameOf(after), rules });
}

/** True where the fields that grant are as they were: labels may be changed by whoever may write the object. */
function isSameGrant(
  before: KubeObject | undefined,
  after: Readonly<Draft>,
  fields: readonly string[],
): boolean {
  return before !== undefined && fields.every((it) => isSameJson(before[it], after[it]));
}

function isAllowed(
  { authorizer }: ApiContext,
  user: User,
  of: {
    readonly verb: string;
    readonly plural: string;
    readonly name: string;
    readonly namespace: string;
  },
): boolean {
  const { verb, plural, name, namespace } = of;
  const what = { group: GROUP, version: 'v1', resource: plural, subresource: '' };
  return authorizer.decide(user, { kind: 'resource', verb, ...what, name, namespace }).isAllowed;
}

function hold(
  { authorizer }: ApiContext,
  user: User,
  { resource, namespace }: Place,
  { name, rules }: { readonly name: string; readonly rules: readonly PolicyRule[] },
): void {
  const lacking = uncovered(authorizer.rulesFor(user, namespace), rules);
  if (lacking.length === 0) return;
  const who = `user ${JSON.stringify(user.name)} (groups=${quotedList(user.groups)})`;
  const because = `${who} is attempting to grant RBAC permissions not currently held:\n${ruleLines(lacking).join('\n')}`;
  throw forbidden(resource, name, because);
}

function nameOf(object: Readonly<Draft>): string {
  return String((object['metadata'] as KubeObject['metadata']).name);
}
