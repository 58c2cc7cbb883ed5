// Properties of applying: sets beside a model of texts, and what must hold of every object after every apply.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isSameJson, type Draft } from '../json.ts';
import {
  difference,
  differenceBelow,
  intersection,
  isEqualSet,
  NO_FIELDS,
  ONE_FIELD,
  pathsOf,
  setOf,
  union,
  type FieldSet,
} from './field-set.ts';
import { ownedTypeOf } from './field-type.ts';
import { pathText, readFields, writeFields as fieldsJson } from './fields-v1.ts';
import { applyFields, writeFields, type Managers } from './managers.ts';
import { appliedFields } from './owned-fields.ts';
import { wholeValue } from './whole-value.ts';

function insert(set: FieldSet, [first, ...rest]: readonly string[]): FieldSet {
  if (first === undefined) return { ...set, isMember: true };
  const child = insert(set.children.get(first) ?? NO_FIELDS, rest);
  return setOf(set.isMember, new Map(set.children).set(first, child));
}

const paths = fc.array(fc.array(fc.constantFrom('f:a', 'f:b', 'v:"x"'), { minLength: 1, maxLength: 3 }));
const sets = paths.map((all) => all.reduce<FieldSet>(insert, NO_FIELDS));

function textsOf(set: FieldSet): ReadonlySet<string> {
  return new Set([...pathsOf(set)].map((path) => path.join(' ')));
}

test('sets of fields are sets of paths', () => {
  fc.assert(
    fc.property(sets, sets, (a, b) => {
      const [left, right] = [textsOf(a), textsOf(b)];
      assert.deepEqual(textsOf(union(a, b)), left.union(right));
      assert.deepEqual(textsOf(difference(a, b)), left.difference(right));
      assert.deepEqual(textsOf(intersection(a, b)), left.intersection(right));
      const below = [...left].filter(
        (path) => ![...right].some((it) => path === it || path.startsWith(`${it} `)),
      );
      assert.deepEqual(textsOf(differenceBelow(a, b)), new Set(below));
      assert.equal(isEqualSet(a, b), left.size === right.size && left.isSubsetOf(right));
    }),
  );
});

test('FieldsV1 is read as it is written', () => {
  fc.assert(fc.property(sets, (set) => assert.deepEqual(textsOf(readFields(fieldsJson(set))), textsOf(set))));
  assert.throws(() => readFields({ 'x:a': {} }), /"x:a" is no path element/);
  assert.throws(() => readFields({ 'f:a': 1 }), /no path element/);
  assert.throws(() => readFields([]), /no object/);
});

test('paths in words', () => {
  const path = ['f:spec', 'f:ports', 'k:{"port":80,"protocol":"TCP"}', 'f:name'];
  assert.equal(pathText(path), '.spec.ports[port=80,protocol="TCP"].name');
  assert.equal(pathText(['f:finalizers', 'v:"a"']), '.finalizers[="a"]');
  assert.equal(pathText(['f:list', 'i:3']), '.list[3]');
});

const TYPE = ownedTypeOf('core.PodSpec');
const value = fc.constantFrom('1', '2');
// As in structured merge an empty list with keys is nobody's: none is applied here.
const env = fc.uniqueArray(fc.record({ name: fc.constantFrom('A', 'B'), value }), {
  selector: ({ name }) => name,
  minLength: 1,
});
const container = fc.record(
  { name: fc.constantFrom('web', 'side'), image: value, env, args: fc.array(value, { maxLength: 2 }) },
  { requiredKeys: ['name'] },
);
const configs: fc.Arbitrary<Draft> = fc.record(
  {
    containers: fc.uniqueArray(container, { selector: ({ name }) => name, minLength: 1 }),
    hostname: value,
    nodeSelector: fc.dictionary(fc.constantFrom('a', 'b'), value),
    securityContext: fc.record({ runAsUser: value, fsGroup: value }, { requiredKeys: [] }),
    tolerations: fc.array(fc.record({ key: value }), { maxLength: 2 }),
  },
  { requiredKeys: [] },
);
const steps = fc.array(fc.record({ manager: fc.constantFrom('ann', 'bob', 'cat'), config: configs }), {
  maxLength: 6,
});

interface State {
  readonly object: Draft;
  readonly managers: Managers;
}

function applied({ object, managers }: State, manager: string, config: Draft) {
  return applyFields({ live: object, config, type: TYPE, managers, manager, ownable: (it) => it });
}

function after(state: State, manager: string, config: Draft): State {
  const { object, managers } = applied(state, manager, config);
  return { object: object ?? state.object, managers };
}

const EMPTY: State = { object: {}, managers: new Map() };

function run(all: readonly { readonly manager: string; readonly config: Draft }[]): State {
  return all.reduce<State>((state, { manager, config }) => after(state, manager, config), EMPTY);
}

/** Every leaf of `config` stands in `object`. */
function holds(object: Draft, config: Draft): boolean {
  const joined = applied({ object, managers: new Map() }, 'any', config);
  return joined.object === undefined;
}

/** Fields of the set that the object has not. */
function missing(fields: FieldSet, object: Draft): readonly string[] {
  const there = [...textsOf(appliedFields(object, TYPE))];
  return [...textsOf(fields)].filter((path) => !there.some((it) => it === path || it.startsWith(`${path} `)));
}

/** The same set, made of nothing but sets. */
function plain({ isMember, children }: FieldSet): FieldSet {
  return setOf(isMember, new Map([...children].map(([element, child]) => [element, plain(child)])));
}

test('the whole of a value is written as the set of its fields is, to the order of keys', () => {
  fc.assert(
    fc.property(configs, fc.constantFrom({}, { containers: [{ image: '3' }, { image: '4' }] }), (a, b) => {
      const whole = wholeValue({ ...a, ...b }, TYPE);
      const text = JSON.stringify(fieldsJson(plain(whole)));
      assert.equal(JSON.stringify(fieldsJson(whole)), text);
      assert.ok(isEqualSet(readFields({ 'f:x': JSON.parse(text) }), setOf(false, new Map([['f:x', whole]]))));
    }),
  );
});

test('what was applied by force holds, is owned, and is not changed by the same again', () => {
  fc.assert(
    fc.property(steps, configs, (all, config) => {
      const state = after(run(all), 'ann', config);
      assert.ok(holds(state.object, config), JSON.stringify([state.object, config]));
      assert.deepEqual(textsOf(state.managers.get('ann') ?? NO_FIELDS), textsOf(appliedFields(config, TYPE)));
      const again = applied(state, 'ann', config);
      assert.equal(again.object, undefined, JSON.stringify([again.object, state.object]));
      assert.deepEqual(again.conflicts, []);
    }),
  );
});

test('what others own stays when one leaves, and what he alone had goes', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const state = run(all);
      const { object, managers } = after(state, 'ann', {});
      for (const [name, fields] of managers) {
        assert.notEqual(name, 'ann');
        assert.deepEqual(missing(fields, object), [], JSON.stringify(object));
      }
      if (managers.size === 0) assert.ok(isSameJson(object, {}), JSON.stringify(object));
    }),
  );
});

test('without a conflict nothing of others changes', () => {
  fc.assert(
    fc.property(steps, configs, (all, config) => {
      const state = run(all);
      const { conflicts, managers } = applied(state, 'ann', config);
      if (conflicts.length > 0) return;
      for (const [name, fields] of state.managers)
        if (name !== 'ann') assert.ok(isEqualSet(managers.get(name) ?? NO_FIELDS, fields), name);
    }),
  );
});

test('a writer owns what he changed and nothing that is gone', () => {
  fc.assert(
    fc.property(steps, configs, (all, next) => {
      const state = run(all);
      const { managers } = writeFields({
        before: state.object,
        after: next,
        type: TYPE,
        managers: state.managers,
        manager: 'writer',
        ownable: (it) => it,
      });
      let owned = NO_FIELDS;
      for (const fields of managers.values()) owned = union(owned, fields);
      // Empty lists and maps are values of their own.
      const isBare = (path: string): boolean => /f:(containers|env|nodeSelector|securityContext)$/.test(path);
      assert.deepEqual(
        missing(owned, next).filter((path) => !isBare(path)),
        [],
      );
    }),
  );
});

test('an empty map that somebody asked for stays when what another one put into it goes', () => {
  const state = run([
    { manager: 'cat', config: { securityContext: {} } },
    { manager: 'ann', config: { securityContext: { fsGroup: '1' } } },
    { manager: 'ann', config: {} },
  ]);
  assert.deepEqual(state.object, { securityContext: {} });
  assert.deepEqual([...state.managers.keys()], ['cat']);
});

test('duplicates that are stored already stay where nobody means them', () => {
  const object: Draft = {
    containers: [{ name: 'web', image: '1' }, { name: 'web', image: '2' }, { image: '3' }],
  };
  const state = { object, managers: new Map() };
  const config = { containers: [{ name: 'web', image: '9' }] };
  const { object: joined } = applied(state, 'ann', config);
  assert.deepEqual(joined, {
    containers: [{ name: 'web', image: '9' }, { name: 'web', image: '2' }, { image: '3' }],
  });
  const left = after(after(state, 'ann', config), 'ann', { hostname: 'h' });
  assert.deepEqual(left.object['containers'], [{ name: 'web', image: '2' }, { image: '3' }]);
});

test('one field is one field', () => {
  assert.deepEqual(fieldsJson(setOf(false, new Map([['f:a', ONE_FIELD]]))), { 'f:a': {} });
});
