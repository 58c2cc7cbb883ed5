// Compiles every module once into the compile cache, so that processes start quickly and do not carry the TypeScript
// compiler in memory (some 30 MB each). Run by the set-up; `NODE_COMPILE_CACHE` names the cache, as bin/fairlead sets it.

import { globSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import path from 'node:path';

const root = path.join(import.meta.dirname, '..');
const files = globSync(['src/*/main.ts', 'src/lab/*/main.ts', 'src/cli/*.ts'], { cwd: root });
const own = /\.test\.ts$|cli\/main\.ts$/;

for (const file of files.filter((it) => !own.test(it))) await import(path.join(root, file));
flushCompileCache();
