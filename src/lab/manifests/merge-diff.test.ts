import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diffForMerge } from './merge-diff.ts';

const ROWS: readonly { name: string; last: unknown; wanted: unknown; current: unknown; patch: unknown }[] = [
  {
    name: 'nothing for equal objects',
    last: { a: 1 },
    wanted: { a: 1 },
    current: { a: 1 },
    patch: undefined,
  },
  {
    name: 'nothing for defaults of the server',
    last: { a: {} },
    wanted: { a: {} },
    current: { a: { b: 2 } },
    patch: undefined,
  },
  {
    name: 'nothing for items that others added behind ours',
    last: { a: [{ n: 1 }] },
    wanted: { a: [{ n: 1 }] },
    current: { a: [{ n: 1 }, { n: 2 }] },
    patch: undefined,
  },
  {
    name: 'the whole list where an item was dropped',
    last: { a: [1, 2] },
    wanted: { a: [1] },
    current: { a: [1, 2] },
    patch: { a: [1] },
  },
  {
    name: 'the whole list where nobody knows whose the rest is',
    last: undefined,
    wanted: { a: [1] },
    current: { a: [1, 2] },
    patch: { a: [1] },
  },
  {
    name: 'a changed field only',
    last: { a: 1, b: 1 },
    wanted: { a: 1, b: 2 },
    current: { a: 1, b: 1, c: 3 },
    patch: { b: 2 },
  },
  {
    name: 'null for a field that was dropped',
    last: { a: { x: 1, y: 2 } },
    wanted: { a: { x: 1 } },
    current: { a: { x: 1, y: 2 } },
    patch: { a: { y: null } },
  },
  {
    name: 'nothing for a dropped field that is gone already',
    last: { x: 1 },
    wanted: {},
    current: {},
    patch: undefined,
  },
  {
    name: 'a field of another writer left alone',
    last: {},
    wanted: { a: 1 },
    current: { a: 1, b: 2 },
    patch: undefined,
  },
  {
    name: 'a list whose items got defaults left alone',
    last: { ports: [{ port: 80 }] },
    wanted: { ports: [{ port: 80 }] },
    current: { ports: [{ port: 80, protocol: 'TCP' }] },
    patch: undefined,
  },
  {
    name: 'a whole list for a changed item',
    last: { ports: [{ port: 80 }] },
    wanted: { ports: [{ port: 81 }] },
    current: { ports: [{ port: 80, protocol: 'TCP' }] },
    patch: { ports: [{ port: 81 }] },
  },
  {
    name: 'a whole list for a field dropped in an item',
    last: { c: [{ name: 'x', env: [] }] },
    wanted: { c: [{ name: 'x' }] },
    current: { c: [{ name: 'x', env: [] }] },
    patch: { c: [{ name: 'x' }] },
  },
];

for (const row of ROWS) {
  test(`diffForMerge() gives ${row.name}`, () => {
    assert.deepEqual(diffForMerge(row.last, row.wanted, row.current), row.patch);
  });
}
