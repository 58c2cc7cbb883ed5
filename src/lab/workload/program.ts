// What every program of the workload process is given, and what it may do. Programs know their pod, never each other.

import type { HttpFace } from './http-face.ts';
import type { LogStream } from './cri-log.ts';
import type { PodNet } from './pod-net.ts';
import type { WorkloadSpec } from './workload-spec.ts';

export interface ProgramContext {
  readonly spec: WorkloadSpec;
  readonly net: PodNet;
  readonly http: HttpFace;
  /** Aborted when the container is stopped or has exited. */
  readonly signal: AbortSignal;
  log(text: string, stream?: LogStream): void;
  /** Ends the container with this code; everything it opened is closed. */
  exit(code: number): void;
}

/** Resolves when the program serves (or has called `exit`); rejects when it cannot start, which ends the container with code 1. */
export type StartProgram = (context: ProgramContext, args: readonly string[]) => Promise<void>;
