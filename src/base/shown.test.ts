import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shown } from './shown.ts';

test('shown() shows whatever JSON may hold, and of long things their beginning', () => {
  const values = ['web', 7, null, undefined, true, { toString: '' }, [{ valueOf: 1 }], 'x'.repeat(300)];
  assert.deepEqual(values.map(shown), [
    'web',
    '7',
    'null',
    'undefined',
    'true',
    '{"toString":""}',
    '[{"valueOf":1}]',
    `${'x'.repeat(200)}…`,
  ]);
});
