// The files that a ConfigMap, Secret, downward API or projected volume shows: pure, from the objects.

import { FairleadError } from '../../base/errors.ts';
import type { ConfigMap, PodSpec, Secret } from '../../objects/api-types.ts';
import type { TokenRequest } from './cluster-api.ts';
import { podField, type FieldInput } from './pod-field.ts';
import { resourceField } from './resource-field.ts';

export interface VolumeFile {
  /** Relative, without "..". */
  readonly path: string;
  readonly data: Buffer;
  readonly mode: number;
}

export type Volume = NonNullable<PodSpec['volumes']>[number];
type Projection = NonNullable<NonNullable<Volume['projected']>['sources']>[number];
type KeyToPath = { readonly key: string; readonly path: string; readonly mode?: number | undefined };

export interface VolumeInput extends FieldInput {
  readonly configMap: (name: string) => ConfigMap | undefined;
  readonly secret: (name: string) => Secret | undefined;
  readonly token: (request: TokenRequest) => string;
  readonly capacity: { readonly cpu: string; readonly memory: string };
}

const DEFAULT_MODE = 0o644;

/** Undefined for volumes that are no projection of objects. Throws `not-found` for what is missing and not optional. */
export function filesOfVolume(volume: Volume, input: VolumeInput): readonly VolumeFile[] | undefined {
  if (volume.configMap !== undefined) {
    return configMapFiles({ ...volume.configMap, mode: volume.configMap.defaultMode }, input);
  }
  if (volume.secret !== undefined) {
    return secretFiles(
      { ...volume.secret, name: volume.secret.secretName, mode: volume.secret.defaultMode },
      input,
    );
  }
  if (volume.downwardAPI !== undefined) {
    return downwardFiles(volume.downwardAPI.items ?? [], volume.downwardAPI.defaultMode, input);
  }
  const { projected } = volume;
  return projected?.sources?.flatMap((source) => projectionFiles(source, projected.defaultMode, input));
}

interface ObjectSource {
  readonly name?: string | undefined;
  readonly items?: readonly KeyToPath[] | undefined;
  readonly optional?: boolean | undefined;
  readonly mode: number | undefined;
}

function configMapFiles(source: ObjectSource, input: VolumeInput): readonly VolumeFile[] {
  const map = input.configMap(source.name ?? '');
  const data = new Map<string, Buffer>();
  for (const [key, value] of Object.entries(map?.data ?? {})) data.set(key, Buffer.from(value));
  for (const [key, value] of Object.entries(map?.binaryData ?? {}))
    data.set(key, Buffer.from(value, 'base64'));
  return chosen('configmap', source, map === undefined ? undefined : data);
}

function secretFiles(source: ObjectSource, input: VolumeInput): readonly VolumeFile[] {
  const secret = input.secret(source.name ?? '');
  const data = new Map<string, Buffer>();
  for (const [key, value] of Object.entries(secret?.data ?? {})) data.set(key, Buffer.from(value, 'base64'));
  return chosen('secret', source, secret === undefined ? undefined : data);
}

const MISSING_CONFIG_KEY = 'configmap references non-existent config key';

function chosen(
  kind: string,
  source: ObjectSource,
  data: ReadonlyMap<string, Buffer> | undefined,
): readonly VolumeFile[] {
  if (data === undefined) {
    if (source.optional === true) return [];
    throw new FairleadError('not-found', `${kind} "${source.name ?? ''}" not found`);
  }
  const items = source.items ?? [...data.keys()].map((key): KeyToPath => ({ key, path: key }));
  return items.flatMap((item) => {
    const bytes = data.get(item.key);
    if (bytes !== undefined) return [fileOf(item.path, bytes, item.mode ?? source.mode)];
    if (source.optional === true) return [];
    const what = kind === 'secret' ? 'references non-existent secret key' : MISSING_CONFIG_KEY;
    throw new FairleadError('not-found', `${what}: ${item.key}`);
  });
}

type DownwardItem = NonNullable<NonNullable<Volume['downwardAPI']>['items']>[number];

function downwardFiles(
  items: readonly DownwardItem[],
  mode: number | undefined,
  input: VolumeInput,
): readonly VolumeFile[] {
  return items.map((item) => {
    const ref = item.resourceFieldRef;
    const text =
      ref === undefined
        ? podField(input, item.fieldRef?.fieldPath ?? '')
        : resourceField(input.pod, { ...ref, container: ref.containerName ?? '' }, input.capacity);
    return fileOf(item.path, Buffer.from(text), item.mode ?? mode);
  });
}

function projectionFiles(
  source: Projection,
  mode: number | undefined,
  input: VolumeInput,
): readonly VolumeFile[] {
  if (source.configMap !== undefined) return configMapFiles({ ...source.configMap, mode }, input);
  if (source.secret !== undefined) return secretFiles({ ...source.secret, mode }, input);
  if (source.downwardAPI !== undefined) return downwardFiles(source.downwardAPI.items ?? [], mode, input);
  const token = source.serviceAccountToken;
  if (token === undefined) return [];
  const text = input.token({ audience: token.audience, expirationSeconds: token.expirationSeconds ?? 3600 });
  return [fileOf(token.path, Buffer.from(text), mode)];
}

function fileOf(path: string, data: Buffer, mode: number | undefined): VolumeFile {
  if (path.startsWith('/') || path.split('/').includes('..')) {
    throw new FairleadError('invalid', `Cannot place volume file "${path}": it leaves the volume`);
  }
  return { path, data, mode: mode ?? DEFAULT_MODE };
}

/** Tokens that a volume asks for: fetched before its files are made, because that takes the API. */
export function tokensOf(volume: Volume): readonly TokenRequest[] {
  return (volume.projected?.sources ?? []).flatMap(({ serviceAccountToken: it }) =>
    it === undefined ? [] : [{ audience: it.audience, expirationSeconds: it.expirationSeconds ?? 3600 }],
  );
}
