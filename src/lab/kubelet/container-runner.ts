// The two ways a container runs, as one interface: a process of its own, or a workload of the node's process.

import type { Container, Pod } from '../../objects/api-types.ts';
import type { LaunchBind } from './launch-spec.ts';
import type { ContainerFolders, PodFolders } from './pod-folders.ts';
import type { SandboxRecord } from './pod-record.ts';

/** Everything that is decided before a container starts. */
export interface ContainerLaunch {
  readonly pod: Pod;
  readonly container: Container;
  readonly attempt: number;
  readonly sandbox: SandboxRecord;
  readonly folders: ContainerFolders;
  readonly podFolders: PodFolders;
  readonly hostname: string;
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly binds: readonly LaunchBind[];
  /** The pid file of the container whose processes it is to see. */
  readonly pidTarget: string | undefined;
}

/** Names one start of one container. */
export interface RunName {
  readonly node: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly container: string;
  readonly attempt: number;
}

export interface RunExit {
  readonly exitCode: number;
  readonly signal: number | undefined;
  readonly finishedAtMs: number;
}

/** What a runner finds of a container that somebody started: `lost` ended without leaving a word. */
export type RunState =
  | { readonly kind: 'running' }
  | { readonly kind: 'exited'; readonly exit: RunExit }
  | { readonly kind: 'lost' };

export interface ContainerRunner {
  /** Resolves when the container runs; throws with the reason why not. */
  start(launch: ContainerLaunch, signal: AbortSignal): Promise<void>;
  /** Asks it to end. The exit comes later through the watch, or is returned where it ended at once. */
  terminate(run: RunName, signal: AbortSignal): Promise<RunExit | undefined>;
  /** Ends it whatever it does. */
  kill(run: RunName, signal: AbortSignal): Promise<RunExit | undefined>;
  look(run: RunName, signal: AbortSignal): Promise<RunState>;
  /** Takes away what an ended start left behind (not its log). */
  forget(run: RunName, signal: AbortSignal): Promise<void>;
}
