// Starts one container of a pod: files and environment first, then its runner, then its postStart hook. What goes wrong ends
// in the record as kubelet shows it.

import { randomBytes } from 'node:crypto';
import { FairleadError, hasCode, messageOf } from '../../base/errors.ts';
import type { Container } from '../../objects/api-types.ts';
import type { ContainerLaunch } from './container-runner.ts';
import { imageReferenceProblem } from './image-name.ts';
import { runHook } from './lifecycle-hook.ts';
import type { ContainerRecord, SandboxRecord } from './pod-record.ts';
import { servedByText } from '../../objects/served-by.ts';
import { exitedContainer, type PodState } from './pod-state.ts';
import type { PodWorld } from './pod-world.ts';
import { prepareLaunch } from './prepare-launch.ts';
import { HOST_PROGRAMS_ANNOTATION, programOf, reachesMachine, servedBy } from './program-of.ts';
import { isShellImage } from './shell-images.ts';

/** What container runtimes show where a program could not be started. */
const START_ERROR_CODE = 128;

export class ContainerStarter {
  readonly #world: PodWorld;
  readonly #state: PodState;
  readonly #signal: AbortSignal;
  readonly #onHookFailed: (container: string, message: string) => void;

  /** `onHookFailed` is told of a container whose postStart hook failed: it has to be stopped. */
  constructor(
    world: PodWorld,
    state: PodState,
    of: { readonly signal: AbortSignal; readonly onHookFailed: (container: string, message: string) => void },
  ) {
    this.#world = world;
    this.#state = state;
    this.#signal = of.signal;
    this.#onHookFailed = of.onHookFailed;
  }

  /** Throws where it may be tried again later: an object is missing, the runner is away. */
  async start(container: Container, attempt: number): Promise<void> {
    const { sandbox, containers } = this.#state.record;
    if (sandbox === undefined) return;
    const before = containers[container.name];
    const waiting = this.#freshRecord(container, attempt, before);
    this.#checkImage(container, waiting);
    this.#reportImage(container, waiting);
    const launch = await this.#prepare(container, waiting, sandbox);
    const fresh = { ...waiting, servedBy: servedBy(waiting.runner, launch) };
    if (before?.state.kind === 'exited') await this.#clear(before);
    const startedAtMs = this.#world.clock.nowMs();
    this.#state.starting.add(fresh.name);
    try {
      // Recorded as running first: an exit may be reported before the start returns, and a process that dies in
      // between must not start the container twice.
      this.#state.setContainer({ ...fresh, state: { kind: 'running', startedAtMs } });
      await this.#state.save();
      await this.#world.runner(fresh.runner).start(launch, this.#signal);
      this.#state.event('Normal', 'Created', `Created container: ${fresh.name}`, fresh.name);
      this.#state.event('Normal', 'Started', `Started container ${fresh.name}`, fresh.name);
      this.#reportNothingToRun(fresh, launch);
    } catch (error) {
      this.#startFailed(fresh, startedAtMs, error);
      return;
    } finally {
      this.#state.starting.delete(fresh.name);
    }
    await this.#postStart(container);
  }

  #freshRecord(container: Container, attempt: number, before: ContainerRecord | undefined): ContainerRecord {
    return {
      name: container.name,
      runner: this.#world.runnerOf(this.#state.pod, container),
      servedBy: undefined,
      attempt,
      id: `fairlead://${randomBytes(32).toString('hex')}`,
      state: { kind: 'waiting', reason: 'ContainerCreating', message: undefined },
      last: before?.state.kind === 'exited' ? before.state : before?.last,
      backoffMs: before?.backoffMs ?? 0,
    };
  }

  /** Throws `invalid`: the pod stays as it is until somebody changes its image. */
  #checkImage(container: Container, fresh: ContainerRecord): void {
    const image = container.image ?? '';
    const problem = imageReferenceProblem(image);
    if (problem === undefined) return;
    const message = `Failed to apply default image tag "${image}": couldn't parse image name "${image}": ${problem}`;
    this.#state.setContainer({ ...fresh, state: { kind: 'waiting', reason: 'InvalidImageName', message } });
    this.#state.event('Warning', 'InspectFailed', message, container.name);
    this.#state.event('Warning', 'Failed', 'Error: InvalidImageName', container.name);
    throw new FairleadError('invalid', message);
  }

  /** Upstream's words, and what stands for the image: nothing pretends. */
  #reportImage(container: Container, fresh: ContainerRecord): void {
    const { pod } = this.#state;
    const { command = [], args = [] } = container;
    const by = servedByText(servedBy(fresh.runner, { pod, container, command, args }));
    const message = `Container image "${container.image ?? ''}" already present on machine (${by})`;
    this.#state.event('Normal', 'Pulled', message, container.name);
  }

  async #prepare(
    container: Container,
    fresh: ContainerRecord,
    sandbox: SandboxRecord,
  ): Promise<ContainerLaunch> {
    const { pod, record } = this.#state;
    try {
      const input = { pod, record, container, attempt: fresh.attempt, sandbox };
      return await prepareLaunch(this.#world, input);
    } catch (error) {
      const message = messageOf(error);
      this.#state.setContainer({
        ...fresh,
        state: { kind: 'waiting', reason: 'CreateContainerConfigError', message },
      });
      this.#state.event('Warning', 'Failed', `Error: ${message}`, container.name);
      throw error;
    }
  }

  /** What the start before left behind. */
  async #clear(before: ContainerRecord): Promise<void> {
    await this.#world.runner(before.runner).forget(this.#state.runOf(before), this.#signal);
    await this.#world.execSandboxes.endOf(this.#state.record, before.name);
  }

  /** A program that cannot be started has ended at once (and is tried again with back-off); a runner that is away is waited for. */
  #startFailed(fresh: ContainerRecord, startedAtMs: number, error: unknown): void {
    const message = messageOf(error);
    if (hasCode(error, 'unavailable')) {
      this.#state.setContainer({
        ...fresh,
        state: { kind: 'waiting', reason: 'RunContainerError', message },
      });
      throw error;
    }
    const record: ContainerRecord = { ...fresh, state: { kind: 'running', startedAtMs } };
    const exit = { exitCode: START_ERROR_CODE, signal: undefined, finishedAtMs: this.#world.clock.nowMs() };
    this.#state.setContainer(exitedContainer(record, exit, { reason: 'StartError', message }));
    const text = `Error: failed to start container "${fresh.name}": ${message}`;
    this.#state.event('Warning', 'Failed', text, fresh.name);
  }

  /** Nothing pretends: a container that only seems to have done its work says so. */
  #reportNothingToRun(fresh: ContainerRecord, launch: ContainerLaunch): void {
    if (fresh.runner !== 'workload') return;
    const program = programOf(launch);
    if (program.kind !== 'stand-in' || !program.endsAtOnce) return;
    const { pod, container } = launch;
    const hint =
      isShellImage(container.image ?? '') && reachesMachine(pod, container)
        ? ` (with such rights its command runs only under the annotation ${HOST_PROGRAMS_ANNOTATION})`
        : '';
    const message = `Container ${fresh.name} is a stand-in for image "${container.image ?? ''}": nothing was run, it completes at once${hint}`;
    this.#state.event('Normal', 'StandIn', message, fresh.name);
  }

  async #postStart(container: Container): Promise<void> {
    const hook = container.lifecycle?.postStart;
    if (hook === undefined) return;
    const { pod, record } = this.#state;
    try {
      await runHook(this.#world, { pod, container, record, hook }, this.#signal);
    } catch (error) {
      const message = `PostStartHook failed: ${messageOf(error)}`;
      this.#state.event('Warning', 'FailedPostStartHook', message, container.name);
      this.#onHookFailed(container.name, 'failed postStart hook');
    }
  }
}
