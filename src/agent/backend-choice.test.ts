// Who carries Services while the choice changes: never nobody, and nobody leaves before the next one is whole.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Support } from '../model/support.ts';
import { BackendChoice } from './backend-choice.ts';

const YES: Support = { kind: 'yes' };
const NO: Support = { kind: 'no', because: 'the kernel has no such thing' };

function aChoice(support: Readonly<Record<string, Support | undefined>> = {}) {
  const answers: Record<string, Support | undefined> = { a: YES, b: YES, c: YES, ...support };
  const choice = new BackendChoice({
    role: 'Service',
    known: ['a', 'b', 'c'],
    fallback: 'a',
    support: (name) => answers[name],
  });
  const roles = (): Record<string, string> => Object.fromEntries(choice.roles());
  return { choice, roles, answers };
}

test('until the first backend is whole, others are left as they are', () => {
  const { choice, roles } = aChoice();
  assert.deepEqual(roles(), {});
  choice.want(undefined);
  assert.deepEqual(roles(), { a: 'carry' });
  assert.equal(
    choice.settle(() => false),
    false,
  );
  assert.equal(
    choice.settle((name) => name === 'a'),
    true,
  );
  assert.deepEqual(roles(), { a: 'carry', b: 'leave', c: 'leave' });
});

test('the old backend carries on until the new one is whole', () => {
  const { choice, roles } = aChoice();
  choice.want('a');
  choice.settle(() => true);
  choice.want('b');
  assert.deepEqual(roles(), { a: 'carry', b: 'carry', c: 'leave' });
  choice.settle(() => true);
  assert.deepEqual(roles(), { a: 'leave', b: 'carry', c: 'leave' });
});

test('who changes his mind half-way gets back what he had, or the third', () => {
  const { choice, roles } = aChoice();
  choice.want('a');
  choice.settle(() => true);
  choice.want('b');
  choice.want('a');
  assert.deepEqual(roles(), { a: 'carry', b: 'leave', c: 'leave' });
  choice.want('b');
  choice.want('c');
  assert.deepEqual(roles(), { a: 'carry', b: 'leave', c: 'carry' });
  assert.deepEqual(choice.status(), { wanted: 'c', carrier: 'a', next: 'c', problem: undefined });
});

test('what the node cannot do is refused in words, and what carries goes on', () => {
  const { choice, roles } = aChoice({ b: NO });
  choice.want('a');
  choice.settle(() => true);
  choice.want('b');
  assert.match(choice.status().problem ?? '', /this node cannot do b: the kernel has no such thing/);
  assert.deepEqual(roles(), { a: 'carry', b: 'leave', c: 'leave' });
  choice.want('z');
  assert.match(choice.status().problem ?? '', /no Service backend "z"; known are a, b, c/);
  choice.want('a');
  assert.equal(choice.status().problem, undefined);
});

test('what is wrong with the settings beside the backend is said, and holds nothing back', () => {
  const { choice, roles } = aChoice();
  choice.want('b', { beside: 'no such scheduler' });
  choice.settle(() => true);
  assert.equal(choice.status().problem, 'no such scheduler');
  assert.deepEqual(roles(), { a: 'leave', b: 'carry', c: 'leave' });
  choice.want('b');
  assert.equal(choice.status().problem, undefined);
});

test('a node that carries nothing yet takes the default where it cannot do what is wanted', () => {
  const { choice, roles, answers } = aChoice({ b: undefined });
  choice.want('b');
  assert.deepEqual(roles(), {}, 'it waits for the answer');
  answers['b'] = NO;
  choice.want('b');
  assert.deepEqual(roles(), { a: 'carry' });
});
