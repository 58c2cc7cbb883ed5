// POST serviceaccounts/NAME/token: a signed token by which the account authenticates, bound to a pod, a secret or a node where it is asked for.

import { listOf, objectOf, scalarText, textOf, type Draft } from '../../objects/json.ts';
import type { KubeObject } from '../../objects/meta.ts';
import { invalidValue } from '../../objects/validation/field-error.ts';
import { admitSubresource } from '../admission/admit-write.ts';
import { timestampOf, type ApiContext } from '../context.ts';
import { readBodyObject } from '../object-routes.ts';
import { storedOf } from '../reads/read.ts';
import { jsonReply, type ApiRequest, type ObjectTarget, type Reply } from '../http/request.ts';
import { ISSUER, type BoundObjects, type NamedUid } from '../access/service-account-tokens.ts';
import { badRequest, conflict, invalid, methodNotAllowed, notFound } from '../http/status-error.ts';

const MIN_SECONDS = 600;
const DEFAULT_SECONDS = 3600;
/** More is cut, as upstream's flag for it does; what is no number of seconds at all is refused. */
const MAX_SECONDS = 365 * 24 * 3600;
const LAST_SECONDS = 2 ** 32;

const TOKEN_REQUEST = { group: 'authentication.k8s.io', kind: 'TokenRequest' };
/** What a token may be bound to, by kind. */
const BOUND_KINDS: Readonly<Record<string, { readonly plural: string; readonly isNamespaced: boolean }>> = {
  Pod: { plural: 'pods', isNamespaced: true },
  Secret: { plural: 'secrets', isNamespaced: true },
  Node: { plural: 'nodes', isNamespaced: false },
};

export async function handleToken(
  context: ApiContext,
  request: ApiRequest,
  target: ObjectTarget,
): Promise<Reply> {
  if (request.method !== 'POST') throw methodNotAllowed();
  const body = await readBodyObject(request);
  const spec = objectOf(body['spec']);
  const { metadata } = storedOf(context, target).object;
  admitSubresource(context, request, target, body);
  const lifetimeSeconds = lifetimeOf(spec['expirationSeconds']);
  const nowMs = context.clock.nowMs();
  const asked = listOf(spec['audiences']).map(String);
  const audiences = asked.length > 0 ? asked : [ISSUER];
  const { namespace = '', name, uid } = metadata;
  const bound = boundObjects(context, metadata, spec['boundObjectRef']);
  const id = context.random.uuid();
  const subject = { namespace, account: { name, uid }, bound };
  return jsonReply(201, {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name, namespace, creationTimestamp: timestampOf(nowMs) },
    spec: { audiences, expirationSeconds: lifetimeSeconds, boundObjectRef: spec['boundObjectRef'] ?? null },
    status: {
      token: context.tokens.sign(subject, { nowMs, lifetimeSeconds, audiences, id }),
      expirationTimestamp: timestampOf(nowMs + lifetimeSeconds * 1000),
    },
  });
}

function lifetimeOf(asked: unknown): number {
  if (asked === undefined || asked === null) return DEFAULT_SECONDS;
  const refuse = (detail: string): never => {
    throw invalid(TOKEN_REQUEST, '', [invalidValue('spec.expirationSeconds', asked, detail)]);
  };
  if (typeof asked !== 'number' || !Number.isInteger(asked)) return refuse('must be a whole number');
  if (asked < MIN_SECONDS) return refuse('may not specify a duration less than 10 minutes');
  if (asked > LAST_SECONDS) return refuse('may not specify a duration larger than 2^32 seconds');
  return Math.min(asked, MAX_SECONDS);
}

/** Throws 404 for what is not there, 409 for another one of the name, 400 for what no token is bound to. */
function boundObjects(
  context: ApiContext,
  account: KubeObject['metadata'],
  reference: unknown,
): BoundObjects {
  if (reference === undefined || reference === null) return {};
  const { apiVersion, kind, name, uid } = objectOf(reference);
  const bound = BOUND_KINDS[String(kind)];
  if (bound === undefined || apiVersion !== 'v1')
    throw badRequest(`cannot bind token for object of type ${String(apiVersion)}, Kind=${String(kind)}`);
  const object = storedBound(context, bound, { namespace: account.namespace, name: textOf(name) ?? '' });
  if (uid !== undefined && uid !== '' && uid !== object.metadata.uid) {
    const because = `the UID in the bound object reference (${scalarText(uid)}) does not match the UID in record. The object might have been deleted and then recreated`;
    throw conflict({ group: '', plural: bound.plural }, object.metadata.name, because);
  }
  return kind === 'Pod'
    ? boundPod(context, account.name, object)
    : { [String(kind).toLowerCase()]: named(object) };
}

function storedBound(
  context: ApiContext,
  { plural, isNamespaced }: { readonly plural: string; readonly isNamespaced: boolean },
  { namespace = '', name }: { readonly namespace: string | undefined; readonly name: string },
): KubeObject {
  const stored = context.store.get(plural, isNamespaced ? `${namespace}/${name}` : name);
  if (stored === undefined) throw notFound({ group: '', plural }, name);
  return stored.object;
}

function boundPod(context: ApiContext, account: string, pod: KubeObject): BoundObjects {
  const spec: Readonly<Draft> = objectOf(pod['spec']);
  if (spec['serviceAccountName'] !== account)
    throw badRequest(
      `cannot bind token for serviceaccount ${JSON.stringify(account)} to pod running with different serviceaccount name.`,
    );
  const node = context.store.get('nodes', textOf(spec['nodeName']) ?? '')?.object;
  return { pod: named(pod), ...(node === undefined ? {} : { node: named(node) }) };
}

function named({ metadata: { name, uid } }: KubeObject): NamedUid {
  return { name, uid };
}
