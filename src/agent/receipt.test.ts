import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Store } from '../store/store.ts';
import { Receipt } from './receipt.ts';

const KIND = { name: 'Service', isEqual: (a: string, b: string) => a === b };

/** A node of which each part can be held back. */
function aNode() {
  const store = new Store();
  const table = store.table<string>(KIND);
  const state = { isConverged: true, hasNames: true, version: '10' };
  const receipt = new Receipt({
    storeRevision: () => store.revision,
    isConverged: () => state.isConverged,
    hasNames: () => state.hasNames,
    versions: () => ({ Service: state.version }),
  });
  const compile = (): void =>
    receipt.compiled({
      storeRevision: store.revision,
    });
  const read = (object: string, version: string): void => {
    state.version = version;
    table.put('shop/web', object);
  };
  return { receipt, compile, read, state };
}

test('programmed() knows nothing before the first compilation', () => {
  assert.deepEqual(aNode().receipt.programmed(), {});
});

for (const lag of ['isConverged', 'hasNames'] as const) {
  test(`programmed() stays behind a change until ${lag}`, () => {
    const { receipt, compile, read, state } = aNode();
    compile();
    assert.deepEqual(receipt.programmed(), { Service: '10' });
    read('a', '11');
    assert.deepEqual(receipt.programmed(), { Service: '10' }, 'read, and not compiled yet');
    state[lag] = false;
    compile();
    assert.deepEqual(receipt.programmed(), { Service: '10' }, 'compiled, and not programmed yet');
    state[lag] = true;
    assert.deepEqual(receipt.programmed(), { Service: '11' });
  });
}

test('programmed() goes on with changes that are none to the network', () => {
  const { receipt, compile, read } = aNode();
  read('a', '11');
  compile();
  read('a', '12');
  assert.deepEqual(receipt.programmed(), { Service: '12' });
});
