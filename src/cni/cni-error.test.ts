import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { FairleadError } from '../base/errors.ts';
import { CNI_ERROR, cniError, cniErrorAnswer } from './cni-error.ts';

test('every code stands in docs/reference/cni.md', () => {
  const page = readFileSync(new URL('../../docs/reference/cni.md', import.meta.url), 'utf8');
  const missing = Object.values(CNI_ERROR).filter((code) => !page.includes(`\n| ${code} | `));
  assert.deepEqual(missing, []);
});

test('cniErrorAnswer() says what a machine may read in details', () => {
  const full = new FairleadError('exhausted', 'Cannot lease', { details: { pool: '10.0.0.0/24', used: 3 } });
  assert.deepEqual(cniErrorAnswer(full, '1.0.0'), {
    cniVersion: '1.0.0',
    code: 11,
    msg: 'Cannot lease',
    details: 'pool=10.0.0.0/24 used=3',
  });
  assert.deepEqual(cniErrorAnswer(cniError(CNI_ERROR.invalidConfig, 'Cannot use it'), '0.4.0'), {
    cniVersion: '0.4.0',
    code: 7,
    msg: 'Cannot use it',
  });
  assert.equal(cniErrorAnswer(new TypeError('x'), '1.1.0').code, 999);
});
