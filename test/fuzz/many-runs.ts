// Preloaded by scripts/fuzz.ts: whoever imports fast-check gets test/fuzz/scaled-assert.ts, so that no test knows of it.

import { registerHooks } from 'node:module';

const SCALED = new URL('scaled-assert.ts', import.meta.url).href;

registerHooks({
  resolve(specifier, context, nextResolve) {
    if (specifier !== 'fast-check' || context.parentURL === SCALED) return nextResolve(specifier, context);
    return { url: SCALED, format: 'module-typescript', shortCircuit: true };
  },
});
