// Volumes of a pod as folders of the host, and what each container binds of them. Which files an object shows is
// `filesOfVolume`'s knowledge.

import type { Stats } from 'node:fs';
import { chmod, chown, mkdir, stat, writeFile } from 'node:fs/promises';
import { FairleadError, messageOf } from '../../base/errors.ts';
import type { Container, Pod } from '../../objects/api-types.ts';
import type { TokenRequest } from './cluster-api.ts';
import { OWN_ROOT, type LaunchBind } from './launch-spec.ts';
import type { PodRecord } from './pod-record.ts';
import type { PodTokens } from './pod-tokens.ts';
import type { PodWorld } from './pod-world.ts';
import { showsOwnRoot } from './program-of.ts';
import { expandVariables } from './expand-variables.ts';
import { filesOfVolume, tokensOf, type Volume, type VolumeInput } from './volume-files.ts';
import { writeVolume } from './volume-writer.ts';

export interface VolumeFailure {
  readonly volume: string;
  readonly error: unknown;
}

export interface VolumesOf {
  readonly pod: Pod;
  readonly record: PodRecord;
  readonly tokens: PodTokens;
}

/** Makes or refreshes the folder of every volume; one that cannot be made holds no other one back. */
export async function prepareVolumes(
  world: PodWorld,
  of: VolumesOf,
  signal: AbortSignal,
): Promise<readonly VolumeFailure[]> {
  const failures: VolumeFailure[] = [];
  for (const volume of of.pod.spec?.volumes ?? []) {
    try {
      await prepareVolume(world, of, { volume, signal });
    } catch (error) {
      failures.push({ volume: volume.name, error });
    }
  }
  return failures;
}

async function prepareVolume(
  world: PodWorld,
  of: VolumesOf,
  { volume, signal }: { readonly volume: Volume; readonly signal: AbortSignal },
): Promise<void> {
  const folder = folderOf(world, of.record, volume);
  if (folder === undefined) return;
  if (volume.hostPath !== undefined) {
    await prepareHostPath(volume.hostPath);
    return;
  }
  const files = filesOfVolume(volume, await volumeInput(world, of, { volume, signal }));
  await mkdir(folder, { recursive: true });
  if (files === undefined) await prepareWritable(of.pod, folder);
  else await writeVolume(folder, files, world.clock.nowMs());
}

/** The binds of one container; throws `not-found` for a mount without its volume. */
export function volumeBinds(
  world: PodWorld,
  of: { readonly pod: Pod; readonly record: PodRecord; readonly container: Container },
  env: ReadonlyMap<string, string>,
): readonly LaunchBind[] {
  return (of.container.volumeMounts ?? []).map((mount) => {
    const volume = (of.pod.spec?.volumes ?? []).find((it) => it.name === mount.name);
    const folder = volume === undefined ? undefined : folderOf(world, of.record, volume);
    if (volume === undefined || folder === undefined) {
      throw new FairleadError(
        'unsupported',
        `volume "${mount.name}" is of a kind that this node does not have`,
      );
    }
    const sub = mount.subPathExpr === undefined ? mount.subPath : expandVariables(mount.subPathExpr, env);
    if (sub?.split('/').includes('..') === true) {
      throw new FairleadError('invalid', `subPath "${sub}" leaves the volume`);
    }
    const source = showsOwnRoot(of.pod, of.container, mount) ? OWN_ROOT : folder;
    return {
      source: sub === undefined || sub === '' ? source : `${folder}/${sub}`,
      target: mount.mountPath,
      isReadOnly: mount.readOnly === true || isProjection(volume),
    };
  });
}

/** Sub-paths that do not exist yet are folders, made before they are bound. */
export async function makeSubPaths(binds: readonly LaunchBind[]): Promise<void> {
  for (const { source } of binds) {
    if (source === OWN_ROOT) continue;
    const isThere = await stat(source).then(
      () => true,
      () => false,
    );
    if (!isThere) await mkdir(source, { recursive: true });
  }
}

function isProjection(volume: Volume): boolean {
  return (
    volume.configMap !== undefined ||
    volume.secret !== undefined ||
    volume.downwardAPI !== undefined ||
    volume.projected !== undefined
  );
}

/** Claims keep their data beyond the pod, by node: this cluster has no other storage. */
function folderOf(world: PodWorld, record: PodRecord, volume: Volume): string | undefined {
  const { folders } = world.node(record.node);
  const own = `${folders.pod(record).volumes}/${volume.name}`;
  if (volume.hostPath !== undefined) return volume.hostPath.path;
  if (volume.persistentVolumeClaim !== undefined) {
    return `${folders.claims}/${record.namespace}/${volume.persistentVolumeClaim.claimName}`;
  }
  if (volume.ephemeral !== undefined || volume.emptyDir !== undefined || isProjection(volume)) return own;
  return undefined;
}

async function prepareWritable(pod: Pod, folder: string): Promise<void> {
  const group = pod.spec?.securityContext?.fsGroup;
  await chmod(folder, group === undefined ? 0o777 : 0o2777);
  if (group !== undefined) await chown(folder, 0, group);
}

const HOST_PATH_CHECKS: ReadonlyMap<string, readonly [(found: Stats) => boolean, string]> = new Map([
  ['Directory', [(found) => found.isDirectory(), 'a directory']],
  ['DirectoryOrCreate', [(found) => found.isDirectory(), 'a directory']],
  ['File', [(found) => found.isFile(), 'a file']],
  ['FileOrCreate', [(found) => found.isFile(), 'a file']],
  ['Socket', [(found) => found.isSocket(), 'a socket file']],
  ['CharDevice', [(found) => found.isCharacterDevice(), 'a character device']],
  ['BlockDevice', [(found) => found.isBlockDevice(), 'a block device']],
]);

async function prepareHostPath({ path, type = '' }: NonNullable<Volume['hostPath']>): Promise<void> {
  let found = await stat(path).catch(() => undefined);
  if (found === undefined && type === 'DirectoryOrCreate') await mkdir(path, { recursive: true });
  if (found === undefined && type === 'FileOrCreate') await writeFile(path, '', { flag: 'a' });
  found ??= await stat(path).catch(() => undefined);
  const [isRight, what] = HOST_PATH_CHECKS.get(type) ?? [() => true, 'there'];
  if (found !== undefined && isRight(found)) return;
  throw new FairleadError('not-found', `hostPath type check failed: ${path} is not ${what}`);
}

async function volumeInput(
  world: PodWorld,
  { pod, record, tokens }: VolumesOf,
  { volume, signal }: { readonly volume: Volume; readonly signal: AbortSignal },
): Promise<VolumeInput> {
  const node = world.node(record.node);
  const texts = new Map<string, string>();
  for (const request of tokensOf(volume)) {
    texts.set(tokenKey(request), await fetchToken(tokens, { pod, request, signal }));
  }
  return {
    pod,
    podIps: record.ips,
    hostIps: node.ips,
    capacity: node.capacity,
    configMap: (name) => world.api.configMap(record.namespace, name),
    secret: (name) => world.api.secret(record.namespace, name),
    token: (request) => texts.get(tokenKey(request)) ?? '',
  };
}

async function fetchToken(
  tokens: PodTokens,
  of: { readonly pod: Pod; readonly request: TokenRequest; readonly signal: AbortSignal },
): Promise<string> {
  try {
    return await tokens.get(of.pod, of.request, of.signal);
  } catch (error) {
    const code = error instanceof FairleadError ? error.code : 'internal';
    throw new FairleadError(code, `failed to fetch token: ${messageOf(error)}`, { cause: error });
  }
}

function tokenKey(request: TokenRequest): string {
  return `${request.audience ?? ''} ${request.expirationSeconds}`;
}
