// What requests meet behind routes of every form, in a real HAProxy: rows of a request and who answers it.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { aListener, anEntry, anHttpPort, aRule, aTable, type EntryWords } from '../support/proxy-models.ts';
import { askRaw } from '../support/raw-http2.ts';
import { oneTable, RouteBed } from '../support/route-bed.ts';

describe('routes', () => {
  let bed: RouteBed;
  before(async () => {
    bed = await RouteBed.open();
  });
  after(() => bed.close());

  test('the most specific name decides, and its listener alone', async () => {
    const all = anEntry('/*', 'a');
    await bed.publish([
      anHttpPort(
        80,
        aListener(undefined, aTable(undefined, all)),
        aListener(
          '*.example',
          aTable('*.example', anEntry('/*', 'b')),
          aTable('*.deep.example', anEntry('/d*', 'c')),
        ),
        aListener('own.example', aTable('own.example', anEntry('/o', 'd'))),
        aListener('bare.example'),
        aListener(
          '*.one.test',
          aTable('?.one.test', anEntry('/1*', 'e')),
          aTable('*.one.test', anEntry('/*', 'f')),
        ),
      ),
    ]);
    await bed.assertRows([
      [{ host: 'other.test' }, 'a'],
      [{ host: 'example' }, 'a'],
      [{ host: 'x.example' }, 'b'],
      [{ host: 'x.y.z.example' }, 'b'],
      [{ host: '1.2.3.4.5.6.7.8.example' }, 'b'],
      [{ host: '1.2.3.4.5.6.7.8.test' }, 'a'],
      [{ host: 'x.deep.example', path: '/d/x' }, 'c'],
      [{ host: 'x.deep.example', path: '/x' }, 'b'],
      [{ host: 'own.example', path: '/o' }, 'd'],
      [{ host: 'own.example', path: '/x' }, '404'],
      [{ host: 'bare.example', path: '/x' }, '404'],
      [{ host: 'x.one.test', path: '/1' }, 'e'],
      [{ host: 'x.one.test', path: '/2' }, 'f'],
      [{ host: 'x.y.one.test', path: '/1' }, 'f'],
      [{ host: 'a|*.example', path: '/' }, 'b'],
    ]);
  });

  test('paths: exact before prefix, the longest prefix, whole elements', async () => {
    await bed.publish([
      oneTable(
        anEntry('/v2', 'a'),
        anEntry('/v2/very/long*', 'b'),
        anEntry('/v2/*', 'c'),
        anEntry("/odd;$&'(x)*", 'd'),
        anEntry('~/v[34]/[a-z]+', 'e'),
        anEntry('/v3*', 'f'),
      ),
    ]);
    await bed.assertRows([
      [{ path: '/v2' }, 'a'],
      [{ path: '/v2?x=/v2/very/long' }, 'a'],
      [{ path: '/v2/' }, 'c'],
      [{ path: '/v2/very/long/x' }, 'b'],
      [{ path: '/v2/very/longer' }, 'c'],
      [{ path: '/v2x' }, '404'],
      [{ path: '/V2' }, '404'],
      [{ path: "/odd;$&'(x)/y" }, 'd'],
      [{ path: '/v4/abc' }, 'e'],
      [{ path: '/v3/abc' }, 'e'],
      [{ path: '/v3/abc/d' }, 'f'],
      [{ path: '/v4/abc/d' }, '404'],
      [{ path: '*', method: 'OPTIONS' }, '400'],
      // The end of an exact path in the map is no character of a path.
      [{ path: '/v2#' }, '400'],
      [{ path: '/v2/#' }, '400'],
      // What a name holds is no part of the path.
      [{ host: 'x.example/v2', path: '/v3/abc/d' }, 'f'],
      [{ host: 'X.Example.:8080', path: '/v2' }, 'a'],
    ]);
  });

  test('conditions, and what a request falls through to', async () => {
    const exact = (name: string, value: string) => ({ type: 'exact' as const, name, value });
    const regex = (name: string, value: string) => ({ type: 'regex' as const, name, value });
    const entry = (path: string, rule: string, words: EntryWords) => anEntry(path, rule, words);
    await bed.publish([
      anHttpPort(
        80,
        aListener(
          undefined,
          aTable(
            'x.example',
            entry('/a', 'a', { headers: [exact('x-v', '1'), exact('x-w', '2, 3')] }),
            entry('/a/b*', 'b', { query: [exact('q', 'a b'), regex('r', '[0-9]+')] }),
            entry('/a*', 'c', { method: 'POST' }),
            entry('/*', 'd', { headers: [regex('x-r', 'a|bc')] }),
            // An expression that tries without end: it is given up, and matches nothing.
            entry('/slow*', 'a', { headers: [regex('x-slow', '(a+)+(a+)+(a+)+$')] }),
            entry('/slow*', 'a', { headers: [regex('x-bad', '([')] }),
          ),
          aTable('*.example', entry('/a*', 'e', { headers: [exact('x-e', 'e')] })),
          aTable(undefined, anEntry('/a*', 'f')),
        ),
      ),
    ]);
    await bed.assertRows([
      [{ path: '/a', headers: { 'X-V': '1', 'X-W': ['2', '3'] } }, 'f'],
      [{ path: '/a', headers: { 'X-V': '1', 'X-W': '2, 3' } }, 'a'],
      [{ path: '/a', headers: { 'X-V': '1' } }, 'f'],
      [{ path: '/a', method: 'POST' }, 'c'],
      [{ path: '/a/b?q=a+b&r=12' }, 'b'],
      [{ path: '/a/b?q=a%20b&r=12&q=no' }, 'b'],
      [{ path: '/a/b?q=no&r=12&q=a+b' }, 'f'],
      [{ path: '/a/b?q=a+b&r=12x' }, 'f'],
      [{ path: '/a/b?q=a+b&r=1', method: 'POST' }, 'b'],
      [{ path: '/a/b', method: 'POST' }, 'c'],
      [{ path: '/z', headers: { 'x-r': 'bc' } }, 'd'],
      [{ path: '/z', headers: { 'x-r': 'abc' } }, '404'],
      [{ path: '/a', headers: { 'x-e': 'e' } }, 'e'],
      [{ path: '/a', host: 'y.example', headers: { 'x-e': 'e' } }, 'e'],
      [{ path: '/a', host: 'y.test', headers: { 'x-e': 'e' } }, 'f'],
      [{ path: '/slow', headers: { 'x-slow': `${'a'.repeat(3000)}b` } }, '404'],
      [{ path: '/slow', headers: { 'x-bad': '([' } }, '404'],
    ]);
  });

  test('no part of a request holds a line end: Lua reads requests by lines', async () => {
    await bed.publish([oneTable(anEntry('/*', 'a'))]);
    const sane = { ':method': 'GET', ':scheme': 'http', ':path': '/a', ':authority': 'x.example' };
    const to = { host: bed.rig.address, port: 80 };
    assert.equal(await askRaw(to, { ...sane, 'x-fine': 'a' }), 'answered');
    for (const [name, value] of Object.entries({
      ':method': 'GET\nX',
      ':path': '/a\n=b0001',
      ':authority': 'x\ny',
    }))
      assert.equal(await askRaw(to, { ...sane, [name]: value }), 'refused');
    // Nor a path the mark that ends the keys of exact paths.
    assert.equal(await askRaw(to, { ...sane, ':path': '/a/#' }), 'refused');
    for (const value of ['v\nw', 'v\r\n\r\nw', '\rv'])
      assert.equal(await askRaw(to, { ...sane, 'x-fine': value }), 'refused');
  });

  test('weights, with a share for what leads nowhere', async () => {
    const rules = [
      aRule('split', { a: 3, b: 1, '': 0 }),
      aRule('part', { a: 1, '': 1 }),
      aRule('none', {}),
      aRule('zero', { a: 0 }),
      aRule('gone', 'no such backend'),
      aRule('grpc', '', { isGrpc: true }),
    ];
    const entries = [...rules.map((it) => anEntry(`/${it.id}`, it.id)), anEntry('/unknown', 'no such rule')];
    await bed.publish([oneTable(...entries)], new Map(rules.map((it) => [it.id, it])));
    const counts = async (path: string): Promise<Readonly<Record<string, number>>> => {
      const count: Record<string, number> = {};
      const all = await Promise.all(Array.from({ length: 400 }, () => bed.whoAnswers({ path })));
      for (const who of all) count[who] = (count[who] ?? 0) + 1;
      return count;
    };
    const split = await counts('/split');
    // Six standard deviations.
    assert.ok(Math.abs((split['a'] ?? 0) - 300) < 52, JSON.stringify(split));
    assert.equal((split['a'] ?? 0) + (split['b'] ?? 0), 400);
    const part = await counts('/part');
    assert.ok(Math.abs((part['a'] ?? 0) - 200) < 60, JSON.stringify(part));
    assert.equal((part['a'] ?? 0) + (part['500'] ?? 0), 400);
    await bed.assertRows([
      [{ path: '/none' }, '500'],
      [{ path: '/zero' }, '500'],
      [{ path: '/gone' }, '500'],
      [{ path: '/unknown' }, '500'],
      [{ path: '/grpc' }, '503'],
    ]);
  });
});
