// Where the files of one pod are. One table, so that removal knows all that was made.

import { clusterPaths, nodePaths, podNetns, type PathRoots } from '../../base/paths.ts';

export interface PodFolders {
  /** Everything that dies with the pod. */
  readonly run: string;
  readonly record: string;
  readonly resolvConf: string;
  readonly hosts: string;
  readonly hostname: string;
  readonly volumes: string;
  readonly cgroup: string;
  readonly netns: string;
  readonly logs: string;
}

export interface ContainerFolders {
  readonly run: string;
  /** Specification for fairlead-run; its presence beside `pid` is what exec joins. */
  readonly spec: string;
  readonly pid: string;
  readonly root: string;
  /** Socket of the monitor for clients of the program's streams. */
  readonly attach: string;
  readonly cgroup: string;
  /** Written by the monitor at the container's end; the folder is watched. */
  readonly exit: string;
  readonly log: string;
}

export interface PodName {
  readonly node: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export class NodeFolders {
  readonly #roots: PathRoots;
  readonly #cluster: string;
  readonly #node: string;

  constructor(roots: PathRoots, cluster: string, node: string) {
    this.#roots = roots;
    this.#cluster = cluster;
    this.#node = node;
  }

  get pods(): string {
    return `${this.#paths.run}/pods`;
  }

  /** The script behind /agnhost in stand-ins of that image. */
  get agnhost(): string {
    return `${this.#paths.run}/agnhost`;
  }

  get exits(): string {
    return `${this.#paths.run}/exits`;
  }

  get netns(): string {
    return this.#paths.netns;
  }

  get workloadSocket(): string {
    return this.#paths.workloadSocket;
  }

  /** Data of persistent volume claims: stays when pods go. */
  get claims(): string {
    return `${this.#paths.state}/claims`;
  }

  get logs(): string {
    return `${this.#paths.state}/log/pods`;
  }

  /** State of the cluster on disk (keys and certificates): hidden from containers. */
  get state(): string {
    return clusterPaths(this.#roots, this.#cluster).state;
  }

  pod(pod: Omit<PodName, 'node'>): PodFolders {
    const run = `${this.pods}/${pod.uid}`;
    return {
      run,
      record: `${run}/pod.json`,
      resolvConf: `${run}/etc/resolv.conf`,
      hosts: `${run}/etc/hosts`,
      hostname: `${run}/etc/hostname`,
      volumes: `${run}/volumes`,
      cgroup: `${this.#paths.cgroup}/${pod.uid}`,
      netns: podNetns(this.#roots, this.#cluster, pod.uid),
      logs: `${this.logs}/${pod.namespace}_${pod.name}_${pod.uid}`,
    };
  }

  container(pod: Omit<PodName, 'node'>, container: string, attempt: number): ContainerFolders {
    const of = this.pod(pod);
    const run = `${of.run}/containers/${container}`;
    return {
      run,
      spec: `${run}/spec`,
      pid: `${run}/pid`,
      root: `${run}/root`,
      attach: `${run}/attach`,
      cgroup: `${of.cgroup}/${container}`,
      exit: `${this.exits}/${exitName({ uid: pod.uid, container, attempt })}`,
      log: `${of.logs}/${container}/${attempt}.log`,
    };
  }

  get #paths(): ReturnType<typeof nodePaths> {
    return nodePaths(this.#roots, this.#cluster, this.#node);
  }
}

export interface ContainerRun {
  readonly uid: string;
  readonly container: string;
  readonly attempt: number;
}

/** "<uid>.<container>.<attempt>": neither uids nor container names hold a dot. */
export function exitName(run: ContainerRun): string {
  return `${run.uid}.${run.container}.${run.attempt}`;
}

/** The inverse of `exitName`; undefined for other files of the folder. */
export function parseExitName(file: string): ContainerRun | undefined {
  const match = /^([^.]+)\.([^.]+)\.(\d+)$/.exec(file);
  if (match === null) return undefined;
  const [, uid = '', container = '', attempt = '0'] = match;
  return { uid, container, attempt: Number(attempt) };
}
