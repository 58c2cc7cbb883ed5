import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge } from './policy.ts';
import { selecting, SELECTORS } from '../../test/support/policy-rows/selectors.ts';
import { aConnection, testRows, withPolicies } from '../../test/support/policy-table.ts';

testRows('selectors', SELECTORS);

test('judge() refuses an operator that selectors have not', () => {
  const objects = withPolicies(selecting('{ matchExpressions: [ { key: app, operator: Like } ] }'));
  assert.throws(() => judge(objects, aConnection('b/web > a/web:80')), /unknown operator "Like"/);
});
