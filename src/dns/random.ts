// Chance as an argument: the process gets the kernel's, tests a repeatable one.

export interface Random {
  /** From 0 to 0xffff, not to be guessed from earlier ones: query ids. */
  uint16(): number;
  /** From 0 up to but not 1: order of answers, jitter. */
  fraction(): number;
}

/** Drawn from the kernel in blocks, since a system call per query id would be felt. */
export function systemRandom(): Random {
  // An import of node:crypto evaluates every lazy export, the whole of WebCrypto among them: megabytes for one function.
  const { randomFillSync } = process.getBuiltinModule('node:crypto');
  const pool = new Uint16Array(1024);
  let next = pool.length;
  return {
    fraction: () => Math.random(),
    uint16: () => {
      if (next === pool.length) {
        randomFillSync(pool);
        next = 0;
      }
      return pool[next++] ?? 0;
    },
  };
}
