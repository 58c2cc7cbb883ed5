// From a container's launch to the specification that native/run takes: identity from the security context, files of the pod.

import type { ContainerLaunch } from './container-runner.ts';
import {
  DEFAULT_CAPABILITIES,
  type LaunchBind,
  type LaunchIdentity,
  type LaunchSpec,
  plainCapability,
} from './launch-spec.ts';
import { commandLine } from './shell-images.ts';

export interface LaunchSurroundings {
  /** Folders of the host that no container may see: keys, sockets of other pods. */
  readonly masks: readonly string[];
}

/** `isPause`: the resting sandbox for exec into a stand-in, with the same files and environment. */
export function launchSpecOf(
  launch: ContainerLaunch,
  around: LaunchSurroundings,
  isPause: boolean,
): LaunchSpec {
  const { folders, sandbox, container } = launch;
  return {
    netns: sandbox.netns,
    hostname: launch.hostname,
    cgroup: folders.cgroup,
    root: folders.root,
    pid: folders.pid,
    pidTarget: launch.pidTarget,
    env: launch.env,
    cwd: container.workingDir === '' ? undefined : container.workingDir,
    binds: [...podBinds(launch), ...launch.binds],
    masks: around.masks,
    identity: identityOf(launch),
    program: isPause
      ? undefined
      : {
          args: commandLine(container, launch.command, launch.args),
          log: folders.log,
          exit: folders.exit,
          attach: folders.attach,
          hasStdin: container.stdin === true,
          isStdinOnce: container.stdinOnce === true,
          hasTty: container.tty === true,
        },
  };
}

function podBinds({ podFolders }: ContainerLaunch): readonly LaunchBind[] {
  return [
    { source: podFolders.resolvConf, target: '/etc/resolv.conf', isReadOnly: false },
    { source: podFolders.hosts, target: '/etc/hosts', isReadOnly: false },
    { source: podFolders.hostname, target: '/etc/hostname', isReadOnly: false },
  ];
}

function identityOf({ pod, container }: ContainerLaunch): LaunchIdentity {
  const own = container.securityContext ?? {};
  const shared = pod.spec?.securityContext ?? {};
  const isPrivileged = own.privileged === true;
  const uid = own.runAsUser ?? shared.runAsUser ?? 0;
  const gid = own.runAsGroup ?? shared.runAsGroup ?? 0;
  const added = (own.capabilities?.add ?? []).map(plainCapability);
  const dropped = (own.capabilities?.drop ?? []).map(plainCapability);
  const base = dropped.includes('ALL') ? [] : DEFAULT_CAPABILITIES.filter((it) => !dropped.includes(it));
  return {
    uid,
    gid,
    groups: [...(shared.supplementalGroups ?? []), ...(shared.fsGroup === undefined ? [] : [shared.fsGroup])],
    capabilities: isPrivileged ? ['ALL'] : [...base, ...added],
    isPrivileged,
    hasNoNewPrivileges: own.allowPrivilegeEscalation === false,
    isRootReadOnly: own.readOnlyRootFilesystem === true,
  };
}
