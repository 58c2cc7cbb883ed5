// A target in memory that can be told to fail, for the engine's scenarios.

import { FairleadError } from '../../src/base/errors.ts';
import type { Target } from '../../src/reconcile/target.ts';

export interface Operation {
  readonly target: string;
  readonly verb: 'observe' | 'update' | 'delete';
  readonly keys: readonly string[];
}

export interface FakeTargetOptions {
  /** Every operation on a key asks it; true makes it fail. */
  readonly isFailing?: (verb: Operation['verb'], key: string) => boolean;
  readonly log?: Operation[];
  readonly entries?: Readonly<Record<string, string>>;
}

export class FakeTarget implements Target<string> {
  readonly name: string;
  readonly entries: Map<string, string>;
  readonly log: Operation[];
  isFailing: (verb: Operation['verb'], key: string) => boolean;

  constructor(name: string, options: FakeTargetOptions = {}) {
    this.name = name;
    this.entries = new Map(Object.entries(options.entries ?? {}));
    this.log = options.log ?? [];
    this.isFailing = options.isFailing ?? (() => false);
  }

  async observe(): Promise<ReadonlyMap<string, string>> {
    this.log.push({ target: this.name, verb: 'observe', keys: [] });
    if (this.isFailing('observe', ''))
      throw new FairleadError('kernel', `Cannot observe ${this.name}: told so`);
    return Promise.resolve(new Map(this.entries));
  }

  isEqual(desired: string, observed: string): boolean {
    return desired === observed;
  }

  update(entries: ReadonlyMap<string, string>): Promise<ReadonlyMap<string, unknown>> {
    return this.#each('update', entries, (key, value) => this.entries.set(key, value));
  }

  delete(entries: ReadonlyMap<string, string>): Promise<ReadonlyMap<string, unknown>> {
    return this.#each('delete', entries, (key) => this.entries.delete(key));
  }

  print(verb: 'update' | 'delete', key: string, entry: string): readonly string[] {
    return [verb === 'update' ? `${this.name} set ${key}=${entry}` : `${this.name} drop ${key}`];
  }

  #each(
    verb: 'update' | 'delete',
    entries: ReadonlyMap<string, string>,
    act: (key: string, value: string) => unknown,
  ): Promise<ReadonlyMap<string, unknown>> {
    this.log.push({ target: this.name, verb, keys: [...entries.keys()] });
    const failures = new Map<string, unknown>();
    for (const [key, value] of entries) {
      if (this.isFailing(verb, key))
        failures.set(key, new FairleadError('kernel', `Cannot ${verb} ${key}: told so`));
      else act(key, value);
    }
    return Promise.resolve(failures);
  }
}
