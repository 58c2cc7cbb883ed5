// Patches against cases worked out by hand from the API's documents, and properties that hold for all of them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hasCode } from '../../base/errors.ts';
import { messageSchema } from '../../wire/kubernetes-protobuf-schema.ts';
import { isSameJson, type Draft } from '../json.ts';
import { applyJsonPatch } from './json-patch.ts';
import { applyMergePatch } from './merge-patch.ts';
import { applyStrategicMergePatch } from './strategic-merge-patch.ts';

const POD = messageSchema('core.Pod')!;
const DEPLOYMENT = messageSchema('apps.Deployment')!;
const SERVICE = messageSchema('core.Service')!;

const a = { name: 'a', image: '1' };
const b = { name: 'b', image: '1' };
const pod = (...containers: object[]): Draft => ({ spec: { containers } });

const STRATEGIC: readonly { name: string; schema?: typeof POD; from: Draft; patch: Draft; to: Draft }[] = [
  {
    name: 'merges list elements by their key',
    from: pod(a, b),
    patch: pod({ name: 'b', image: '2' }),
    to: pod(a, { name: 'b', image: '2' }),
  },
  { name: 'appends new elements', from: pod(a), patch: pod(b), to: pod(a, b) },
  {
    name: 'deletes an element by its key',
    from: pod(a, b),
    patch: pod({ name: 'a', $patch: 'delete' }),
    to: pod(b),
  },
  {
    name: 'replaces a whole list',
    from: pod(a, b),
    patch: pod({ $patch: 'replace' }, { name: 'c' }),
    to: pod({ name: 'c' }),
  },
  {
    name: 'replaces an element',
    from: pod(a, b),
    patch: pod({ name: 'a', command: ['x'], $patch: 'replace' }),
    to: pod({ name: 'a', command: ['x'] }, b),
  },
  {
    name: 'replaces a map',
    from: { spec: { nodeSelector: { x: '1' } } },
    patch: { spec: { nodeSelector: { y: '2', $patch: 'replace' } } },
    to: { spec: { nodeSelector: { y: '2' } } },
  },
  {
    name: 'deletes by null',
    from: { metadata: { labels: { x: '1', y: '2' } } },
    patch: { metadata: { labels: { x: null } } },
    to: { metadata: { labels: { y: '2' } } },
  },
  {
    name: 'replaces lists without a merge key',
    from: pod({ ...a, args: ['1', '2'] }),
    patch: pod({ name: 'a', args: ['3'] }),
    to: pod({ ...a, args: ['3'] }),
  },
  {
    name: 'merges sets of scalars',
    from: { metadata: { finalizers: ['x'] } },
    patch: { metadata: { finalizers: ['y', 'x'] } },
    to: { metadata: { finalizers: ['x', 'y'] } },
  },
  {
    name: 'deletes from sets of scalars',
    from: { metadata: { finalizers: ['x', 'y'] } },
    patch: { metadata: { '$deleteFromPrimitiveList/finalizers': ['x'] } },
    to: { metadata: { finalizers: ['y'] } },
  },
  {
    name: 'keeps the keys that retainKeys names',
    schema: DEPLOYMENT,
    from: { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } } },
    patch: { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } },
    to: { spec: { strategy: { type: 'Recreate' } } },
  },
  {
    name: 'orders by setElementOrder',
    from: pod(a, b),
    patch: {
      spec: {
        '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }],
        containers: [{ name: 'a', image: '2' }],
      },
    },
    to: pod(b, { name: 'a', image: '2' }),
  },
  {
    name: 'keeps the place of elements that the order does not name',
    from: pod({ name: 'sidecar' }, a, b),
    patch: { spec: { '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }] } },
    to: pod({ name: 'sidecar' }, b, a),
  },
  {
    name: 'merges Service ports by port',
    schema: SERVICE,
    from: { spec: { ports: [{ port: 80, name: 'a', nodePort: 30001 }] } },
    patch: { spec: { ports: [{ port: 80, targetPort: 8080 }, { port: 81 }] } },
    to: { spec: { ports: [{ port: 80, name: 'a', nodePort: 30001, targetPort: 8080 }, { port: 81 }] } },
  },
  {
    name: 'merges deep inside a template',
    schema: DEPLOYMENT,
    from: { spec: { template: pod({ ...a, env: [{ name: 'X', value: '1' }] }) } },
    patch: {
      spec: {
        template: pod({
          name: 'a',
          env: [
            { name: 'Y', value: '2' },
            { name: 'X', $patch: 'delete' },
          ],
        }),
      },
    },
    to: { spec: { template: pod({ ...a, env: [{ name: 'Y', value: '2' }] }) } },
  },
];

for (const { name, schema = POD, from, patch, to } of STRATEGIC) {
  test(`strategic merge ${name}`, () => {
    const before = structuredClone(from);
    assert.deepEqual(applyStrategicMergePatch(from, patch, schema), to);
    assert.deepEqual(from, before, 'the original was changed');
  });
}

test('strategic merge refuses unknown directives and elements without their key', () => {
  const isInvalid = (error: unknown): boolean => hasCode(error, 'invalid');
  assert.throws(() => applyStrategicMergePatch(pod(a), { spec: { $patch: 'explode' } }, POD), isInvalid);
  assert.throws(() => applyStrategicMergePatch(pod(a), pod({ image: 'x' }), POD), isInvalid);
  assert.throws(() => applyStrategicMergePatch(pod(a), [], POD), isInvalid);
});

const name = fc.constantFrom('a', 'b', 'c', 'd');
const containers = fc.uniqueArray(fc.record({ name, image: fc.constantFrom('1', '2', '3') }), {
  selector: (it) => it.name,
});
const labels = fc.dictionary(name, fc.constantFrom('x', 'y'));
// Plain objects: comparisons look at prototypes too.
const podLike = fc
  .record({ metadata: fc.record({ labels }), spec: fc.record({ containers }) })
  .map((it) => JSON.parse(JSON.stringify(it)) as typeof it);

test('strategic merge twice is strategic merge once', () => {
  fc.assert(
    fc.property(podLike, podLike, (from, patch) => {
      const once = applyStrategicMergePatch(from, patch, POD);
      assert.ok(isSameJson(applyStrategicMergePatch(once, patch, POD), once));
    }),
  );
});

test('strategic merge keeps every element that the patch does not name, and sets every one it does', () => {
  fc.assert(
    fc.property(podLike, podLike, (from, patch) => {
      const { spec } = applyStrategicMergePatch(from, patch, POD) as typeof from;
      const expected = new Map(
        [...from.spec.containers, ...patch.spec.containers].map((it) => [it.name, it]),
      );
      assert.deepEqual(new Map(spec.containers.map((it) => [it.name, it])), expected);
    }),
  );
});

test('setElementOrder loses and adds nothing, and orders what it names', () => {
  fc.assert(
    fc.property(containers, fc.uniqueArray(name), (list, order) => {
      const patch = { spec: { '$setElementOrder/containers': order.map((it) => ({ name: it })) } };
      const names = (
        applyStrategicMergePatch(pod(...list), patch, POD) as { spec: { containers: { name: string }[] } }
      ).spec.containers.map((it) => it.name);
      assert.deepEqual([...names].sort(), list.map((it) => it.name).sort());
      assert.deepEqual(
        names.filter((it) => (order as string[]).includes(it)),
        order.filter((it) => names.includes(it)),
      );
    }),
  );
});

test('merge patch follows the examples of RFC 7386', () => {
  const rows: readonly (readonly [unknown, unknown, unknown])[] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];
  for (const [from, patch, to] of rows) assert.deepEqual(applyMergePatch(from, patch), to);
});

test('JSON patch follows the examples of RFC 6902', () => {
  const rows: readonly (readonly [unknown, readonly object[], unknown])[] = [
    [{ foo: 'bar' }, [{ op: 'add', path: '/baz', value: 'qux' }], { foo: 'bar', baz: 'qux' }],
    [{ foo: ['bar', 'baz'] }, [{ op: 'add', path: '/foo/1', value: 'qux' }], { foo: ['bar', 'qux', 'baz'] }],
    [{ foo: ['bar'] }, [{ op: 'add', path: '/foo/-', value: ['abc'] }], { foo: ['bar', ['abc']] }],
    [{ baz: 'qux', foo: 'bar' }, [{ op: 'remove', path: '/baz' }], { foo: 'bar' }],
    [{ foo: ['bar', 'qux', 'baz'] }, [{ op: 'remove', path: '/foo/1' }], { foo: ['bar', 'baz'] }],
    [{ baz: 'qux' }, [{ op: 'replace', path: '/baz', value: 'boo' }], { baz: 'boo' }],
    [
      { foo: { bar: 'baz', w: 'fred' }, qux: { c: 'g' } },
      [{ op: 'move', from: '/foo/w', path: '/qux/t' }],
      { foo: { bar: 'baz' }, qux: { c: 'g', t: 'fred' } },
    ],
    [
      { foo: ['all', 'grass', 'cows', 'eat'] },
      [{ op: 'move', from: '/foo/1', path: '/foo/3' }],
      { foo: ['all', 'cows', 'eat', 'grass'] },
    ],
    [{ '/': 9, '~1': 10 }, [{ op: 'test', path: '/~01', value: 10 }], { '/': 9, '~1': 10 }],
    [{ a: 1 }, [{ op: 'copy', from: '/a', path: '/b' }], { a: 1, b: 1 }],
  ];
  for (const [from, patch, to] of rows) assert.deepEqual(applyJsonPatch(from, patch), to);
  for (const patch of [
    [{ op: 'test', path: '/a', value: 2 }],
    [{ op: 'remove', path: '/none' }],
    [{ op: 'add', path: '/none/b', value: 1 }],
    [{ op: 'add', path: '/a', from: 1 }],
    [{ op: 'nonsense', path: '/a' }],
    [{ op: 'move', from: '/a', path: '/a/b' }],
    {},
  ]) {
    assert.throws(
      () => applyJsonPatch({ a: 1 }, patch),
      (error) => hasCode(error, 'invalid'),
    );
  }
});
