// Generated files are committed; this says when they are not what their tables print.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { GENERATED_FILES } from './generated-files.ts';

for (const { path, print } of GENERATED_FILES) {
  test(`${path} is current (npm run generate writes it)`, () => {
    assert.equal(readFileSync(new URL(`../${path}`, import.meta.url), 'utf8'), print());
  });
}
