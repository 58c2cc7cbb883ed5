// Failures by key: one bad row holds back no other.

/** Runs a row's step; what it throws is its failure. */
export function collector(
  failures: Map<string, unknown>,
): (key: string, step: () => Promise<void>) => Promise<void> {
  return async (key, step) => {
    try {
      await step();
    } catch (error) {
      failures.set(key, error);
    }
  };
}
