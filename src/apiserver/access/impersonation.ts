// Impersonate-* headers: a request in somebody else's name, for those who hold the verb "impersonate" on all that they claim to be.

import type { IncomingHttpHeaders } from 'node:http';
import type { ResourceAttributes } from '../../objects/access/attributes.ts';
import { SERVICE_ACCOUNT_PREFIX } from '../../objects/access/binding.ts';
import type { Authorizer } from './authorization.ts';
import type { User } from '../http/request.ts';
import { serviceAccountGroups } from './service-account-users.ts';
import { badRequest } from '../http/status-error.ts';

const EXTRA_PREFIX = 'impersonate-extra-';
const AUTHENTICATED = 'system:authenticated';
const UNAUTHENTICATED = 'system:unauthenticated';
const ANONYMOUS = 'system:anonymous';
const AUTHENTICATION_GROUP = 'authentication.k8s.io';

/** Who the request is made for, undefined where it is made for the requester; throws 403 for what `user` may not claim to be. */
export function impersonated(
  authorizer: Authorizer,
  user: User,
  headers: IncomingHttpHeaders,
): User | undefined {
  const claim = claimOf(headers);
  if (claim === undefined) return undefined;
  for (const attributes of questionsOf(claim)) authorizer.require(user, attributes);
  return userOf(claim);
}

interface Claim {
  readonly name: string;
  readonly uid: string | undefined;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

function claimOf(headers: IncomingHttpHeaders): Claim | undefined {
  const name = headers['impersonate-user'];
  const uid = valuesOf(headers['impersonate-uid'])[0];
  const groups = valuesOf(headers['impersonate-group']);
  const extra = extraOf(headers);
  if (typeof name === 'string' && name !== '') return { name, uid, groups, extra };
  if (uid !== undefined || groups.length > 0 || Object.keys(extra).length > 0)
    throw badRequest('Impersonate-Uid, -Group and -Extra are for requests with Impersonate-User');
  return undefined;
}

/** Node joins what came in several headers of one name. */
function valuesOf(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return (typeof value === 'string' ? value.split(', ') : value).filter((it) => it !== '');
}

function extraOf(headers: IncomingHttpHeaders): Claim['extra'] {
  const found = Object.keys(headers).filter((header) => header.startsWith(EXTRA_PREFIX));
  return Object.fromEntries(
    found.map((header) => [decodedKey(header.slice(EXTRA_PREFIX.length)), valuesOf(headers[header])]),
  );
}

function decodedKey(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw badRequest(`${EXTRA_PREFIX}${text.slice(0, 60)} is not percent-encoded correctly`);
  }
}

function questionsOf({ name, uid, groups, extra }: Claim): readonly ResourceAttributes[] {
  const account = accountOf(name);
  const user =
    account === undefined
      ? question('users', { name })
      : question('serviceaccounts', { name: account.name, namespace: account.namespace });
  return [
    user,
    ...groups.map((group) => question('groups', { name: group })),
    ...(uid === undefined ? [] : [question('uids', { group: AUTHENTICATION_GROUP, name: uid })]),
    ...Object.entries(extra).flatMap(([key, values]) =>
      values.map((value) =>
        question('userextras', { group: AUTHENTICATION_GROUP, subresource: key, name: value }),
      ),
    ),
  ];
}

function question(resource: string, more: Partial<ResourceAttributes>): ResourceAttributes {
  const none = { group: '', version: 'v1', subresource: '', namespace: '', name: '' };
  return { kind: 'resource', verb: 'impersonate', resource, ...none, ...more };
}

function accountOf(user: string): { readonly namespace: string; readonly name: string } | undefined {
  const [namespace, name, ...more] = user.startsWith(SERVICE_ACCOUNT_PREFIX)
    ? user.slice(SERVICE_ACCOUNT_PREFIX.length).split(':')
    : [];
  if (namespace === undefined || name === undefined || more.length > 0) return undefined;
  return { namespace, name };
}

/** Groups that everybody of the kind has are added, as if the user had authenticated. */
function userOf({ name, uid, groups, extra }: Claim): User {
  const account = accountOf(name);
  const given =
    account !== undefined && groups.length === 0 ? serviceAccountGroups(account.namespace) : groups;
  const everybody = name === ANONYMOUS ? UNAUTHENTICATED : AUTHENTICATED;
  const hasOne = given.includes(AUTHENTICATED) || given.includes(UNAUTHENTICATED);
  const more = Object.keys(extra).length === 0 ? {} : { extra };
  return { name, uid, groups: hasOne ? given : [...given, everybody], ...more };
}
