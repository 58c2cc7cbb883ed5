import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aDeployment, policyWorldOf } from '../../test/support/policy-world-of.ts';
import { expandPattern } from './party-pattern.ts';

const WORLD = policyWorldOf(['a/x', 'a/y', 'b/x', 'default/z'].map((it) => aDeployment(it, '{}')).join(''));

for (const row of [
  { text: 'x', except: [], expected: ['x'] },
  { text: '203.0.113.7', except: [], expected: ['203.0.113.7'] },
  { text: 'a/*', except: [], expected: ['a/Deployment/x', 'a/Deployment/y'] },
  { text: '*', except: [], expected: ['default/Deployment/z'] },
  {
    text: '*/*',
    except: [],
    expected: ['a/Deployment/x', 'a/Deployment/y', 'b/Deployment/x', 'default/Deployment/z'],
  },
  { text: '*/*', except: ['a/x', 'z'], expected: ['a/Deployment/y', 'b/Deployment/x'] },
  { text: '*/*', except: ['a/*', '203.0.113.7'], expected: ['b/Deployment/x', 'default/Deployment/z'] },
])
  test(`expandPattern() takes ${row.text} without ${row.except.join(', ') || 'exceptions'} for ${row.expected.join(', ')}`, () => {
    assert.deepEqual(
      expandPattern(WORLD, row.text, { namespace: 'default', except: row.except }),
      row.expected,
    );
  });

for (const row of [
  { text: 'c/*', except: [], error: /Cannot find "c\/\*": no workload is left of it/ },
  { text: 'a/*', except: ['a/x', 'a/y'], error: /no workload is left of it/ },
  { text: 'a/*', except: ['a/nobody'], error: /Cannot find "a\/nobody"/ },
])
  test(`expandPattern() refuses ${row.text} without ${row.except.join(', ') || 'exceptions'}`, () => {
    assert.throws(
      () => expandPattern(WORLD, row.text, { namespace: 'default', except: row.except }),
      row.error,
    );
  });
