// What is said of one Ingress that is migrated, each thing once.

import type { Carries, MigrationFinding } from './migration.ts';

export class IngressFindings {
  readonly #all: MigrationFinding[] = [];

  get all(): readonly MigrationFinding[] {
    return this.#all;
  }

  add(about: string, carries: Carries, message: string): void {
    const isKnown = this.#all.some((it) => it.about === about && it.message === message);
    if (!isKnown) this.#all.push({ about, carries, message });
  }
}
