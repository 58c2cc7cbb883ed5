// Every list of states stands for many: the same end reached in other ways must give the same result.
// An expander turns one sequence of whole states into another sequence that ends in the same state.

/** A whole state: raw objects by "kind namespace/name". */
export type State = ReadonlyMap<string, unknown>;

export interface Expander {
  readonly name: string;
  expand(states: readonly State[]): readonly State[];
}

const EMPTY: State = new Map();

export const EXPANDERS: readonly Expander[] = [
  { name: 'as it is', expand: (states) => states },
  { name: 'keys reversed', expand: (states) => states.map((state) => new Map([...state].reverse())) },
  {
    name: 'states reversed first',
    expand: (states) => [...states.slice(0, -1).reverse(), ...states],
  },
  { name: 'empty between', expand: (states) => states.flatMap((state) => [EMPTY, state]) },
  { name: 'every state twice', expand: (states) => states.flatMap((state) => [state, state]) },
  { name: 'split into single changes', expand: splitChanges },
  { name: 'squashed to the last', expand: (states) => states.slice(-1) },
];

/** One key at a time: removals first, then additions and changes. */
function splitChanges(states: readonly State[]): readonly State[] {
  const steps: State[] = [];
  let current = EMPTY;
  const take = (next: State): void => {
    steps.push(next);
    current = next;
  };
  for (const state of states) {
    for (const key of [...current.keys()].filter((it) => !state.has(it))) {
      take(new Map([...current].filter(([it]) => it !== key)));
    }
    for (const [key, value] of state) {
      if (current.get(key) !== value) take(new Map([...current, [key, value]]));
    }
    take(state);
  }
  return steps;
}

/** The objects of one kind in a state. */
export function ofKind<T>(state: State, kind: string): readonly T[] {
  // Keys begin with the kind, and each kind has one arbitrary.
  return [...state].filter(([key]) => key.startsWith(`${kind} `)).map(([, object]) => object as T);
}
