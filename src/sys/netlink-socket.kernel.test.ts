import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeAddKind } from '../wire/netlink/link.ts';
import { NetlinkSocket } from './netlink-socket.ts';
import { anonymousNetns, inNetns } from './netns.ts';

test('pipeline() does what is not refused, and says what is by its position', () => {
  const netns = anonymousNetns();
  const socket = inNetns(netns, () => new NetlinkSocket());
  try {
    const add = (name: string): Uint8Array => encodeAddKind('bridge', { name });
    const refusals = socket.pipeline('add links', [add('one'), add('one'), add('two'), add('one')]);
    assert.deepEqual(
      [...refusals].map(([at, { errno }]) => [at, errno]),
      [1, 3].map((at) => [at, 17]),
    );
    assert.deepEqual(['one', 'two', 'three'].map((it) => socket.indexOf(it) !== undefined), [true, true, false]); // prettier-ignore
    assert.deepEqual(socket.pipeline('add links', [add('three')]), new Map());
    assert.ok(socket.indexOf('three') !== undefined);
  } finally {
    socket.close();
    netns.close();
  }
});
