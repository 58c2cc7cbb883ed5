// The user of a service account's token, as long as the account and what the token is bound to are there.

import { SERVICE_ACCOUNT_PREFIX } from '../../objects/access/binding.ts';
import type { ApiContext } from '../context.ts';
import type { User } from '../http/request.ts';
import type { NamedUid, TokenClaims } from './service-account-tokens.ts';

/** What is being deleted counts for a moment still: who ends with it says so to this server. */
const LEEWAY_MS = 60_000;

const EXTRA = 'authentication.kubernetes.io/';

export interface TokenUser {
  readonly user: User;
  /** Those of the asked audiences for which the token is. */
  readonly audiences: readonly string[];
}

/** Undefined for a token that is not ours, past its time, for other audiences, or of something that is gone. */
export function serviceAccountUser(
  context: ApiContext,
  token: string,
  asked: readonly string[],
): TokenUser | undefined {
  const claims = context.tokens.verify(token, context.clock.nowMs());
  const audiences = asked.filter((it) => claims?.audiences.includes(it));
  if (claims === undefined || audiences.length === 0 || !isAllThere(context, claims)) return undefined;
  return { user: userOf(claims), audiences };
}

export function serviceAccountGroups(namespace: string): readonly string[] {
  return ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
}

function isAllThere(context: ApiContext, { namespace, account, bound }: TokenClaims): boolean {
  const isThere = (storage: string, key: string, object: NamedUid | undefined): boolean =>
    object === undefined || isAlive(context, storage, { key, uid: object.uid });
  return (
    isThere('serviceaccounts', `${namespace}/${account.name}`, account) &&
    isThere('pods', `${namespace}/${bound.pod?.name ?? ''}`, bound.pod) &&
    isThere('secrets', `${namespace}/${bound.secret?.name ?? ''}`, bound.secret) &&
    // Beside a pod the node is a note of where it ran; the pod ends with it.
    (bound.pod !== undefined || isThere('nodes', bound.node?.name ?? '', bound.node))
  );
}

function isAlive(
  { store, clock }: ApiContext,
  storage: string,
  { key, uid }: { readonly key: string; readonly uid: string },
): boolean {
  const metadata = store.get(storage, key)?.object.metadata;
  if (metadata?.uid !== uid) return false;
  const { deletionTimestamp } = metadata;
  return deletionTimestamp === undefined || Date.parse(deletionTimestamp) + LEEWAY_MS > clock.nowMs();
}

function userOf({ namespace, account, bound, id }: TokenClaims): User {
  const extra: Record<string, readonly string[]> = {};
  if (id !== undefined) extra[`${EXTRA}credential-id`] = [`JTI=${id}`];
  for (const [kind, object] of Object.entries({ pod: bound.pod, node: bound.node })) {
    if (object === undefined) continue;
    extra[`${EXTRA}${kind}-name`] = [object.name];
    extra[`${EXTRA}${kind}-uid`] = [object.uid];
  }
  return {
    name: `${SERVICE_ACCOUNT_PREFIX}${namespace}:${account.name}`,
    uid: account.uid,
    groups: [...serviceAccountGroups(namespace), 'system:authenticated'],
    extra,
  };
}
