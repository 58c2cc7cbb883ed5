// Which backend of a role carries, and which ones leave: the new one is whole in the kernel before the old one begins to go.

import type { BackendRole } from '../backends/shared-node/service-backend.ts';
import type { Support } from '../model/support.ts';

export interface BackendChoiceOptions {
  /** "Service": what its backends are of, in words. */
  readonly role: string;
  /** Names of all backends. */
  readonly known: readonly string[];
  /** The one where nobody chose. */
  readonly fallback: string;
  /** Whether this node can; undefined while that is being found out, after which `want` is to be called again. */
  readonly support: (backend: string) => Support | undefined;
}

/** What else the settings say that bears on the choice. */
export interface ChoiceAround {
  /** What is wrong with the settings otherwise: it is said, and holds nothing back. */
  readonly beside?: string | undefined;
  /** Why the choice must not be taken: what carries goes on. */
  readonly refused?: string | undefined;
}

export interface BackendChoiceStatus {
  /** What the cluster's settings say; undefined until they are known, and where they say nothing. */
  readonly wanted: string | undefined;
  /** Whole in the kernel; undefined until the first one is. */
  readonly carrier: string | undefined;
  /** Being made whole beside the carrier. */
  readonly next: string | undefined;
  /** Why what is wanted is not done: the backend, or another setting beside it. */
  readonly problem: string | undefined;
}

export class BackendChoice {
  readonly #options: BackendChoiceOptions;
  #wanted: string | undefined;
  #carrier: string | undefined;
  #next: string | undefined;
  #problem: string | undefined;
  #beside: string | undefined;

  constructor(options: BackendChoiceOptions) {
    this.#options = options;
  }

  /** The name that the settings mean, undefined for one that nobody has. */
  meant(wanted: string | undefined): string | undefined {
    const { known, fallback } = this.#options;
    return known.find((it) => it === (wanted ?? fallback));
  }

  /** The choice of the cluster's settings, undefined for none. A backend that this node cannot run is refused: what carries goes on. */
  want(wanted: string | undefined, { beside, refused }: ChoiceAround = {}): void {
    this.#wanted = wanted;
    this.#beside = beside;
    const name = wanted ?? this.#options.fallback;
    this.#problem = this.#problemOf(name, refused);
    // What has begun and is refused by now must not come to carry.
    if (refused !== undefined && this.#next === name && this.#carrier !== undefined) this.#next = undefined;
    if (this.#problem === undefined) return this.#take(name);
    // On a node that carries nothing yet, something that works is better than nothing.
    const isKnown = this.#options.known.includes(name);
    const isWaiting = isKnown && refused === undefined && this.#options.support(name) === undefined;
    if (this.#carrier === undefined && this.#next === undefined && !isWaiting)
      this.#take(this.#options.fallback);
  }

  /** Until a first backend is whole, others are left as they are: nobody knows what they carry. */
  roles(): ReadonlyMap<string, BackendRole> {
    const roles = new Map<string, BackendRole>();
    for (const name of this.#options.known) {
      if (name === this.#carrier || name === this.#next) roles.set(name, 'carry');
      else if (this.#carrier !== undefined) roles.set(name, 'leave');
    }
    return roles;
  }

  /** To be asked after each pass; true where roles are others now. */
  settle(isConverged: (backend: string) => boolean): boolean {
    if (this.#next === undefined || !isConverged(this.#next)) return false;
    this.#carrier = this.#next;
    this.#next = undefined;
    return true;
  }

  status(): BackendChoiceStatus {
    return {
      wanted: this.#wanted,
      carrier: this.#carrier,
      next: this.#next,
      problem: this.#problem ?? this.#beside,
    };
  }

  #take(name: string): void {
    this.#next = name === this.#carrier ? undefined : name;
  }

  #problemOf(name: string, refused: string | undefined): string | undefined {
    const { role, known, support } = this.#options;
    if (!known.includes(name)) return `no ${role} backend "${name}"; known are ${known.join(', ')}`;
    if (refused !== undefined) return refused;
    if (name === this.#carrier || name === this.#next) return undefined;
    const answer = support(name);
    if (answer === undefined) return `finding out whether this node can do ${name}`;
    return answer.kind === 'yes' ? undefined : `this node cannot do ${name}: ${answer.because}`;
  }
}
