// Volumes of a pod as folders of the host, and what each container binds of them. Which files an object shows is
// `filesOfVolume`'s knowledge.

import { chmod, chown, mkdir, stat } from 'node:fs/promises';
import { FairleadError } from '../../base/errors.ts';
import type { Container, Pod } from '../../objects/api-types.ts';
import type { LaunchBind } from './launch-spec.ts';
import type { PodRecord } from './pod-record.ts';
import type { PodWorld } from './pod-world.ts';
import { expandVariables } from './expand-variables.ts';
import { filesOfVolume, tokensOf, type Volume, type VolumeInput } from './volume-files.ts';
import { writeVolume } from './volume-writer.ts';

/** Makes or refreshes the folder of every volume. Throws `not-found` naming the object that is missing. */
export async function prepareVolumes(
  world: PodWorld,
  pod: Pod,
  record: PodRecord,
  signal: AbortSignal,
): Promise<void> {
  const volumes = pod.spec?.volumes ?? [];
  if (volumes.length === 0) return;
  const input = await volumeInput(world, pod, record, signal);
  for (const volume of volumes) {
    const folder = folderOf(world, record, volume);
    if (folder === undefined) continue;
    if (volume.hostPath !== undefined) {
      await prepareHostPath(volume.hostPath);
      continue;
    }
    await mkdir(folder, { recursive: true });
    const files = filesOfVolume(volume, input);
    if (files === undefined) await prepareWritable(pod, folder);
    else await writeVolume(folder, files, world.clock.nowMs());
  }
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
    return {
      source: sub === undefined || sub === '' ? folder : `${folder}/${sub}`,
      target: mount.mountPath,
      isReadOnly: mount.readOnly === true || isProjection(volume),
    };
  });
}

/** Sub-paths that do not exist yet are folders, made before they are bound. */
export async function makeSubPaths(binds: readonly LaunchBind[]): Promise<void> {
  for (const { source } of binds) {
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

async function prepareHostPath(hostPath: NonNullable<Volume['hostPath']>): Promise<void> {
  const { path, type = '' } = hostPath;
  if (type === 'DirectoryOrCreate') await mkdir(path, { recursive: true });
  const found = await stat(path).catch(() => undefined);
  const isWrong =
    found === undefined ||
    (type === 'Directory' && !found.isDirectory()) ||
    (type === 'File' && !found.isFile()) ||
    (type === 'Socket' && !found.isSocket());
  if (isWrong)
    throw new FairleadError('not-found', `hostPath ${path} is not there, or not of type "${type}"`);
}

async function volumeInput(
  world: PodWorld,
  pod: Pod,
  record: PodRecord,
  signal: AbortSignal,
): Promise<VolumeInput> {
  const namespace = record.namespace;
  const node = world.node(record.node);
  const tokens = new Map<string, string>();
  for (const request of tokensOf(pod)) {
    tokens.set(tokenKey(request), (await world.api.serviceAccountToken(pod, request, signal)).token);
  }
  return {
    pod,
    podIps: record.ips,
    hostIps: node.ips,
    capacity: node.capacity,
    configMap: (name) => world.api.configMap(namespace, name),
    secret: (name) => world.api.secret(namespace, name),
    token: (request) => tokens.get(tokenKey(request)) ?? '',
  };
}

function tokenKey(request: {
  readonly audience: string | undefined;
  readonly expirationSeconds: number;
}): string {
  return `${request.audience ?? ''} ${request.expirationSeconds}`;
}
