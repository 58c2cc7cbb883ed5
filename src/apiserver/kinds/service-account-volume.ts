// What the service account of a new pod brings along, as the admission of a Kubernetes API server adds it: the volume with token,
// authority and namespace, mounted into every container, and the account's pull secrets.

import { listOf, objectOf, textOf, type Draft } from '../../objects/json.ts';
import type { KubeObject } from '../../objects/meta.ts';
import type { Resource } from '../../objects/resources.ts';
import type { ApiContext } from '../context.ts';
import { metadataOf, partOf } from '../writes/draft.ts';
import { randomSuffix } from '../random-suffix.ts';
import { forbidden } from '../http/status-error.ts';

const MOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';
/** An hour and a little, as upstream asks: whoever counts on exactly an hour is noticed. */
const TOKEN_SECONDS = 3607;
const FILE_MODE = 0o644;
const NAME = /^kube-api-access-[a-z0-9]{5}$/;
/** Pods that a node's own files describe have no account. */
const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror';
/** Every namespace gets it a moment after it was made: a pod that comes sooner need not wait. */
const DEFAULT_ACCOUNT = 'default';

/** Completes a pod draft that has its defaults; throws 403 for an account that does not exist. */
export function admitServiceAccount(
  context: ApiContext,
  resource: Resource,
  draft: Draft,
  options: { readonly isDryRun: boolean },
): void {
  const { namespace, name, annotations } = metadataOf(draft);
  if (MIRROR_ANNOTATION in objectOf(annotations)) return;
  const spec = partOf(draft, 'spec');
  const accountName = textOf(spec['serviceAccountName']) ?? DEFAULT_ACCOUNT;
  const account = context.store.get('serviceaccounts', `${String(namespace)}/${accountName}`)?.object;
  // Asked about a whole set of objects beforehand, the account may be one of them.
  if (account === undefined && accountName !== DEFAULT_ACCOUNT && !options.isDryRun) {
    const what = `error looking up service account ${String(namespace)}/${accountName}`;
    throw forbidden(resource, textOf(name) ?? '', `${what}: serviceaccount "${accountName}" not found`);
  }
  const secrets = listOf(account?.['imagePullSecrets']);
  if (listOf(spec['imagePullSecrets']).length === 0 && secrets.length > 0)
    spec['imagePullSecrets'] = structuredClone(secrets);
  if (isWanted(spec, account)) mountVolume(spec, `kube-api-access-${randomSuffix(context.random)}`);
}

/** The pod's word goes before the account's. */
function isWanted(spec: Readonly<Draft>, account: KubeObject | undefined): boolean {
  const asked = spec['automountServiceAccountToken'] ?? account?.['automountServiceAccountToken'];
  return asked !== false;
}

/** Adds the volume where a container has no mount of its own at its place. */
function mountVolume(spec: Draft, name: string): void {
  const containers = containersOf(spec).filter(
    (it) => !listOf(it['volumeMounts']).some((mount) => objectOf(mount)['mountPath'] === MOUNT_PATH),
  );
  if (containers.length === 0) return;
  for (const container of containers) add(container, 'volumeMounts', mountOf(name));
  add(spec, 'volumes', volumeOf(name));
}

/** Clients send back a pod as they made it: what was added to it stays, since a pod's volumes cannot change. */
export function keepServiceAccountVolume(draft: Draft, current: KubeObject): void {
  const spec = partOf(draft, 'spec');
  const before = objectOf(current['spec']);
  const added = listOf(before['volumes']).find((it) => NAME.test(String(objectOf(it)['name'])));
  const { name } = objectOf(added);
  if (added === undefined) return;
  if (!hasNamed(spec['volumes'], name)) add(spec, 'volumes', structuredClone(added));
  const old = containersOf(before);
  for (const container of containersOf(spec)) {
    const same = old.find((it) => it['name'] === container['name']);
    const hadMount = same !== undefined && hasNamed(same['volumeMounts'], name);
    if (hadMount && !hasNamed(container['volumeMounts'], name)) {
      add(container, 'volumeMounts', mountOf(String(name)));
    }
  }
}

function hasNamed(list: unknown, name: unknown): boolean {
  return listOf(list).some((it) => objectOf(it)['name'] === name);
}

/** The objects themselves, to be changed in place. */
function containersOf(spec: Readonly<Draft>): readonly Draft[] {
  return [...listOf(spec['initContainers']), ...listOf(spec['containers'])].map(objectOf);
}

function add(object: Draft, field: string, item: unknown): void {
  object[field] = [...listOf(object[field]), item];
}

function mountOf(name: string): Draft {
  return { name, readOnly: true, mountPath: MOUNT_PATH };
}

function volumeOf(name: string): Draft {
  return {
    name,
    projected: {
      defaultMode: FILE_MODE,
      sources: [
        { serviceAccountToken: { expirationSeconds: TOKEN_SECONDS, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        {
          downwardAPI: {
            items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
          },
        },
      ],
    },
  };
}
