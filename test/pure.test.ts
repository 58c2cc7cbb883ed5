// The unit tests of the pure folders in one process: to start Node and to load what they share costs each file a fifth of a second. By themselves they run as
// any file does.

import { globSync } from 'node:fs';
import path from 'node:path';
import { PURE_TESTS } from './support/pure-tests.ts';

const ROOT = path.join(import.meta.dirname, '..');

for (const file of globSync(PURE_TESTS, { cwd: ROOT }).sort()) await import(path.join(ROOT, file));
