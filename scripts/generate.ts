// Writes the files that are printed from tables; `--check` only says whether they are current.

import { readFileSync, writeFileSync } from 'node:fs';
import { GENERATED_FILES } from './generated-files.ts';

const isCheck = process.argv.includes('--check');
const root = new URL('../', import.meta.url);

for (const { path, print } of GENERATED_FILES) {
  const file = new URL(path, root);
  if (!isCheck) writeFileSync(file, print());
  else if (readFileSync(file, 'utf8') !== print()) {
    process.stderr.write(`${path} is not current: run npm run generate\n`);
    process.exitCode = 1;
  }
}
