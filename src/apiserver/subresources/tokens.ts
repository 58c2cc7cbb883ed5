// POST serviceaccounts/NAME/token: a signed token by which the account authenticates.

import { listOf, objectOf } from '../../objects/json.ts';
import { timestampOf, type ApiContext } from '../context.ts';
import { readBodyObject } from '../object-routes.ts';
import { storedOf } from '../read.ts';
import { jsonReply, type ApiRequest, type ObjectTarget, type Reply } from '../request.ts';
import { methodNotAllowed } from '../status-error.ts';

const MIN_SECONDS = 600;
const DEFAULT_SECONDS = 3600;
const MAX_SECONDS = 365 * 24 * 3600;

export async function handleToken(
  context: ApiContext,
  request: ApiRequest,
  target: ObjectTarget,
): Promise<Reply> {
  if (request.method !== 'POST') throw methodNotAllowed();
  const spec = objectOf((await readBodyObject(request))['spec']);
  const { metadata } = storedOf(context, target).object;
  const asked = typeof spec['expirationSeconds'] === 'number' ? spec['expirationSeconds'] : DEFAULT_SECONDS;
  const lifetimeSeconds = Math.min(Math.max(asked, MIN_SECONDS), MAX_SECONDS);
  const nowMs = context.clock.nowMs();
  const audiences = listOf(spec['audiences']).map(String);
  const subject = { namespace: metadata.namespace ?? '', name: metadata.name, uid: metadata.uid };
  return jsonReply(201, {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name: metadata.name, namespace: metadata.namespace, creationTimestamp: timestampOf(nowMs) },
    spec: { audiences, expirationSeconds: lifetimeSeconds },
    status: {
      token: context.tokens.sign(subject, { nowMs, lifetimeSeconds, audiences }),
      expirationTimestamp: timestampOf(nowMs + lifetimeSeconds * 1000),
    },
  });
}
