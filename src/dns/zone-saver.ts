// When the zone goes to disk: soon after a change, but not after each one of a burst, and the last time when the process ends.

import type { Clock } from '../base/clock.ts';
import { writeZoneFile } from './zone-file.ts';
import type { ZoneState } from './zone-state.ts';

export interface ZoneSaverParts {
  readonly path: string;
  readonly zone: ZoneState;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onError: (error: unknown) => void;
}

/** Changes within this time are one write. */
const QUIET_MS = 500;
/** After a failed write (disk full): try again, the zone in memory answers meanwhile. */
const RETRY_MS = 5000;

export class ZoneSaver {
  readonly #parts: ZoneSaverParts;
  #savedGeneration: number;
  #running: Promise<void> | undefined;

  constructor(parts: ZoneSaverParts) {
    this.#parts = parts;
    this.#savedGeneration = parts.zone.generation;
  }

  /** Call after each change; returns at once. */
  changed(): void {
    if (!this.#isDirty) return;
    this.#running ??= this.#run().finally(() => (this.#running = undefined));
  }

  /** For the change that brings in what is on disk already. */
  load(change: () => void): void {
    this.#savedGeneration++;
    change();
  }

  /** Writes what is not written yet. */
  async flush(): Promise<void> {
    await this.#running;
    if (this.#isDirty) await this.#save();
  }

  get #isDirty(): boolean {
    return this.#parts.zone.isKnown && this.#parts.zone.generation !== this.#savedGeneration;
  }

  async #run(): Promise<void> {
    const { clock, signal } = this.#parts;
    let pauseMs = QUIET_MS;
    while (this.#isDirty) {
      // The end of the process ends the pause; `flush` then writes.
      const isEnding = await clock.sleep(pauseMs, signal).then(
        () => false,
        () => true,
      );
      if (isEnding) return;
      pauseMs = (await this.#save()) ? QUIET_MS : RETRY_MS;
    }
  }

  async #save(): Promise<boolean> {
    const { path, zone, onError } = this.#parts;
    const generation = zone.generation;
    try {
      // A copy of the map alone: entries are never changed in place, and the zone goes on changing during the write.
      const stored = { prefixes: zone.index.prefixes, entries: new Map(zone.index.entries) };
      await writeZoneFile(path, { zone: stored, revision: zone.revision ?? 0 });
      this.#savedGeneration = generation;
      return true;
    } catch (error) {
      onError(error);
      return false;
    }
  }
}
