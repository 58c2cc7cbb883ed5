// What the kubelet part asks a node's workload process to serve, and what that process answers: the types of the control
// protocol (parse-control.ts is their door). Knows neither how a program serves nor how a pod is run.

import type { Ip } from '../../base/ip.ts';
import type { Port, Protocol } from '../../base/port.ts';

/** What a container does when no process is made for it. `args` are the container's own, after the program's name. */
export type Program =
  | { readonly kind: 'agnhost'; readonly command: string; readonly args: readonly string[] }
  | { readonly kind: 'echo'; readonly text: string | undefined; readonly ports: readonly number[] }
  | { readonly kind: 'web'; readonly root: string; readonly ports: readonly number[] }
  | { readonly kind: 'sleep'; readonly seconds: number | undefined }
  /** `endsAtOnce` where others wait for its end: it has nothing to do. */
  | { readonly kind: 'stand-in'; readonly endsAtOnce: boolean };

export interface DeclaredPort {
  readonly name: string | undefined;
  readonly port: Port;
  readonly protocol: Protocol;
}

/** Who a workload says it is. */
export interface PodFacts {
  readonly namespace: string;
  readonly pod: string;
  readonly hostname: string;
  readonly node: string;
  readonly container: string;
  readonly image: string;
  readonly ips: readonly Ip[];
}

/** A folder or file of the host that the container sees at `target`. */
export interface FileMount {
  readonly source: string;
  readonly target: string;
}

export interface WorkloadSpec {
  readonly podUid: string;
  readonly container: string;
  /** Counts the starts of this container, from 0. */
  readonly attempt: number;
  /** Path of the network namespace that its sockets are made in. */
  readonly netns: string;
  readonly facts: PodFacts;
  readonly program: Program;
  readonly ports: readonly DeclaredPort[];
  readonly env: Readonly<Record<string, string>>;
  readonly mounts: readonly FileMount[];
  /** Host path of the pod's resolv.conf. */
  readonly resolvConf: string;
  /** Host path of the pod's hosts file. */
  readonly hosts: string;
  /** CRI log file. */
  readonly log: string;
}

export type WorkloadState =
  | { readonly kind: 'running'; readonly startedAtMs: number }
  | {
      readonly kind: 'exited';
      readonly startedAtMs: number;
      readonly finishedAtMs: number;
      readonly exitCode: number;
    };

/** One line of the list and of the event stream. Exited ones stay listed until they are removed. */
export interface WorkloadStatus {
  readonly podUid: string;
  readonly container: string;
  readonly attempt: number;
  readonly state: WorkloadState;
}

/** A network probe, made from the node's namespace as a kubelet would. */
export type ProbeRequest =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly timeoutMs: number }
  | {
      readonly kind: 'http';
      readonly host: string;
      readonly port: number;
      readonly timeoutMs: number;
      readonly scheme: 'HTTP' | 'HTTPS';
      readonly path: string;
      readonly headers: readonly (readonly [string, string])[];
    }
  | {
      readonly kind: 'grpc';
      readonly host: string;
      readonly port: number;
      readonly timeoutMs: number;
      readonly service: string;
    };

export interface ProbeAnswer {
  readonly isSuccess: boolean;
  /** What an Unhealthy event shows. */
  readonly message: string;
}
