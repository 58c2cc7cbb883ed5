// Keeps a process small: V8 by default lets garbage grow to a multiple of what is in use before it looks, which processes on every node must not.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Call once, before the heap grows. The flags are read by V8 at each collection, so they act in a running process. */
export function keepHeapSmall(): () => void {
  // The young generation stays at its first size: little of what a query makes survives it.
  setFlagsFromString('--semi-space-growth-factor=1');
  // The old generation is collected when it has grown by a quarter, not by a multiple.
  setFlagsFromString('--heap-growing-percent=25');
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  return () => {
    if (typeof collect === 'function') collect();
  };
}
