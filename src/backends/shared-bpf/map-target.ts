// The verbs of a target whose entries are those of a map: all of a kind are written, and removed, at once.

import type { Target } from '../../reconcile/target.ts';

export interface EntryMap<T> {
  readonly read: () => readonly (readonly [string, T])[];
  readonly write: (all: readonly T[]) => void;
  readonly remove: (all: readonly T[]) => void;
}

/** `onChanged` is called after each change, before it counts as done. */
export function mapVerbs<T>(
  { read, write, remove }: EntryMap<T>,
  onChanged = (): void => undefined,
): Pick<Target<T>, 'observe' | 'update' | 'delete'> {
  return {
    // oxlint-disable-next-line typescript/require-await -- the calls block; callers treat them as the I/O that they are
    observe: async () => new Map(read()),
    // oxlint-disable-next-line typescript/require-await -- as above
    update: async (entries) => {
      write([...entries.values()]);
      onChanged();
      return new Map();
    },
    // oxlint-disable-next-line typescript/require-await -- as above
    delete: async (entries) => {
      remove([...entries.values()]);
      onChanged();
      return new Map();
    },
  };
}
