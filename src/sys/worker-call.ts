// Calls of C that wait in the kernel, made by worker threads: a bounded number at a time, the others in turn.

/** The threads (libuv's) are few, and koffi refuses more than 256 calls that wait for one. */
const CALLS_MAX = 64;

// One count for the process, as the threads are.
let running = 0;
const waiting: (() => void)[] = [];

/** `start` makes the call and gives `done` what came of it, read where koffi calls back: errno belongs to that moment. */
export async function workerCall<T>(start: (done: (result: T) => void) => void): Promise<T> {
  if (running < CALLS_MAX) running++;
  else await new Promise<void>((resolve) => waiting.push(resolve));
  try {
    return await new Promise<T>((resolve) => start(resolve));
  } finally {
    // Whoever waits takes over the place.
    const next = waiting.shift();
    if (next === undefined) running--;
    else next();
  }
}
