// Everything that is decided before a container starts: its environment, command line, files.

import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Container, Pod } from '../../objects/api-types.ts';
import { containerEnv } from './container-env.ts';
import type { ContainerLaunch } from './container-runner.ts';
import { FairleadError } from '../../base/errors.ts';
import { expandVariables } from './expand-variables.ts';
import { hostnameOf } from './hosts-file.ts';
import { targetOf } from './pod-containers.ts';
import type { NodeFolders } from './pod-folders.ts';
import type { PodRecord, SandboxRecord } from './pod-record.ts';
import { makeSubPaths, volumeBinds } from './pod-volumes.ts';
import type { PodWorld } from './pod-world.ts';
import { terminationBind } from './termination-log.ts';

export interface LaunchInput {
  readonly pod: Pod;
  readonly record: PodRecord;
  readonly container: Container;
  readonly attempt: number;
  readonly sandbox: SandboxRecord;
}

/** Throws `not-found` naming a missing ConfigMap, Secret, key or volume. */
export async function prepareLaunch(world: PodWorld, input: LaunchInput): Promise<ContainerLaunch> {
  const { pod, record, container, attempt, sandbox } = input;
  const node = world.node(record.node);
  const hostname = hostnameOf(pod);
  const env = containerEnv({
    pod,
    container,
    api: world.api,
    hostname,
    podIps: record.ips,
    hostIps: node.ips,
    capacity: node.capacity,
  });
  const values = new Map(Object.entries(env));
  const binds = volumeBinds(world, { pod, record, container }, values);
  await makeSubPaths(binds);
  const folders = node.folders.container(record, container.name, attempt);
  await mkdir(path.dirname(folders.log), { recursive: true });
  const words = await terminationBind(container, folders);
  return {
    pod,
    container,
    attempt,
    sandbox,
    folders,
    podFolders: node.folders.pod(record),
    hostname,
    command: (container.command ?? []).map((it) => expandVariables(it, values)),
    args: (container.args ?? []).map((it) => expandVariables(it, values)),
    env,
    binds: [...binds, words],
    pidTarget: pidTargetOf(node.folders, input),
  };
}

/** A stand-in has no processes to be seen; one that is to run and does not is waited for. */
function pidTargetOf(folders: NodeFolders, { pod, record, container }: LaunchInput): string | undefined {
  const name = targetOf(pod, container);
  const target = name === undefined ? undefined : record.containers[name];
  if (name === undefined || target?.runner === 'workload') return undefined;
  if (target?.state.kind !== 'running')
    throw new FairleadError('not-found', `unable to find target container "${name}": it does not run`);
  return folders.container(record, name, target.attempt).pid;
}
