// The volumes of one pod through its life: made before its sandbox, refreshed when objects, labels or tokens change. What fails is
// told as a kubelet tells it.

import { FairleadError, messageOf } from '../../base/errors.ts';
import type { Pod } from '../../objects/api-types.ts';
import { isSameJson } from '../../objects/json.ts';
import type { PodState } from './pod-state.ts';
import { PodTokens } from './pod-tokens.ts';
import { prepareVolumes, type VolumeFailure } from './pod-volumes.ts';
import type { PodWorld } from './pod-world.ts';

export class VolumeKeeper {
  readonly #world: PodWorld;
  readonly #state: PodState;
  readonly #signal: AbortSignal;
  readonly #tokens: PodTokens;
  /** Of a pod that is adopted nobody knows what happened meanwhile. */
  #isStale: boolean;

  constructor(world: PodWorld, state: PodState, signal: AbortSignal) {
    this.#world = world;
    this.#state = state;
    this.#signal = signal;
    this.#tokens = new PodTokens(world);
    this.#isStale = state.record.sandbox !== undefined;
  }

  /** When the volumes want to be refreshed by themselves; undefined where nothing runs that could see it. */
  get dueAtMs(): number | undefined {
    return this.#isSeen ? this.#tokens.dueAtMs : undefined;
  }

  /** An object that the pod takes files from may have changed. */
  setStale(): void {
    this.#isStale = true;
  }

  /** Files may show the labels and annotations of the pod. */
  notePod(before: Pod, after: Pod): void {
    const shown = ({ metadata }: Pod): unknown => [metadata.labels, metadata.annotations];
    if (!isSameJson(shown(before), shown(after))) this.#isStale = true;
  }

  /** Makes all volumes; throws the first failure, after an event for each. */
  async mount(): Promise<void> {
    const [first] = await this.#prepare();
    if (first !== undefined) throw first.error;
  }

  /** What cannot be refreshed (an object was deleted) stays as it is: containers run on with what they have. */
  async refresh(): Promise<void> {
    const isDue = (this.dueAtMs ?? Infinity) <= this.#world.clock.nowMs();
    if (!this.#isSeen || !(this.#isStale || isDue)) return;
    this.#isStale = false;
    await this.#prepare();
  }

  get #isSeen(): boolean {
    const names = Object.keys(this.#state.record.containers);
    return !this.#state.isTerminating && names.some((it) => this.#state.isRunning(it));
  }

  async #prepare(): Promise<readonly VolumeFailure[]> {
    const { pod, record } = this.#state;
    const failures = await prepareVolumes(this.#world, { pod, record, tokens: this.#tokens }, this.#signal);
    if (this.#signal.aborted) throw new FairleadError('aborted', 'Cannot make volumes: giving up');
    for (const { volume, error } of failures) {
      const message = `MountVolume.SetUp failed for volume "${volume}" : ${messageOf(error)}`;
      this.#state.event('Warning', 'FailedMount', message);
    }
    return failures;
  }
}
