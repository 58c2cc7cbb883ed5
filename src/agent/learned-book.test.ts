import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIp } from '../base/ip.ts';
import { LearnedBook, type LearnedBounds } from './learned-book.ts';

const GRACE_MS = 1_000;

function aBook(bounds: Partial<LearnedBounds> = {}): LearnedBook {
  const book = new LearnedBook(GRACE_MS, { perName: 10, perPattern: 10, inAll: 10, ...bounds });
  book.watch(['www.example.com', '*.wild.net', '*.net']);
  return book;
}

function learn(book: LearnedBook, name: string, ips: readonly string[], { nowMs = 0, ttlS = 10 } = {}) {
  return book.learn(
    name,
    ips.map((ip) => ({ ip: parseIp(ip), ttlS })),
    nowMs,
  );
}

/** "name ip" of all, the one that was answered the longest ago first. */
function textOf(records: readonly { readonly name: string; readonly ip: string }[]): readonly string[] {
  return records.map(({ name, ip }) => `${name} ${ip}`);
}

test('LearnedBook keeps an address for its time to live and the grace, and for the longest of several answers', () => {
  const book = aBook();
  learn(book, 'www.example.com', ['192.0.2.1'], { nowMs: 0, ttlS: 10 });
  learn(book, 'www.example.com', ['192.0.2.1'], { nowMs: 1_000, ttlS: 1 });
  assert.deepEqual(textOf(book.due(10_999)), []);
  assert.deepEqual(textOf(book.due(11_000)), ['www.example.com 192.0.2.1']);
});

test('LearnedBook tells which addresses have other names, each once', () => {
  const book = aBook();
  const [one, two] = [parseIp('192.0.2.1'), parseIp('192.0.2.2')];
  learn(book, 'a.wild.net', [one, two]);
  assert.equal(book.hasChanges, true);
  assert.deepEqual(book.takeChanged(), new Set([one, two]));
  learn(book, 'a.wild.net', [one]);
  assert.equal(book.hasChanges, false);
  learn(book, 'b.wild.net', [one]);
  assert.deepEqual(book.names.get(one), new Set(['a.wild.net', 'b.wild.net']));
  assert.deepEqual(book.takeChanged(), new Set([one]));
  for (const it of book.list()) book.remove(it);
  assert.deepEqual([book.names.size, book.size, book.takeChanged()], [0, 0, new Set([one, two])]);
});

const BOUND_ROWS: readonly {
  readonly name: string;
  readonly bounds: Partial<LearnedBounds>;
  readonly answers: readonly (readonly [string, readonly string[]])[];
  readonly left: readonly string[];
}[] = [
  {
    name: 'of a name',
    bounds: { perName: 2 },
    answers: [
      ['other.net', ['192.0.2.9']],
      ['a.wild.net', ['192.0.2.1', '192.0.2.2', '192.0.2.3']],
    ],
    left: ['other.net 192.0.2.9', 'a.wild.net 192.0.2.2', 'a.wild.net 192.0.2.3'],
  },
  {
    name: 'of a pattern',
    bounds: { perPattern: 2 },
    answers: [
      ['www.example.com', ['192.0.2.9']],
      ['a.wild.net', ['192.0.2.1']],
      ['b.wild.net', ['192.0.2.2']],
      ['c.wild.net', ['192.0.2.3']],
    ],
    left: ['www.example.com 192.0.2.9', 'b.wild.net 192.0.2.2', 'c.wild.net 192.0.2.3'],
  },
  {
    name: 'in all',
    bounds: { inAll: 2 },
    answers: [
      ['www.example.com', ['192.0.2.1']],
      ['a.wild.net', ['192.0.2.2']],
      ['www.example.com', ['192.0.2.1']],
      ['b.wild.net', ['192.0.2.3']],
    ],
    left: ['www.example.com 192.0.2.1', 'b.wild.net 192.0.2.3'],
  },
];

for (const { name, bounds, answers, left } of BOUND_ROWS)
  test(`LearnedBook gives up the one that was answered the longest ago where there are too many ${name}`, () => {
    const book = aBook(bounds);
    const evicted = answers.flatMap(([of, ips]) => learn(book, of, ips).evicted);
    assert.deepEqual(textOf(book.list()), left);
    const all = new Set(answers.flatMap(([of, ips]) => ips.map((ip) => `${of} ${ip}`)));
    assert.deepEqual(new Set(textOf(evicted)), all.difference(new Set(left)));
  });

test('LearnedBook counts by the patterns of now', () => {
  const book = aBook({ perPattern: 2 });
  book.watch([]);
  learn(book, 'a.wild.net', ['192.0.2.1', '192.0.2.2', '192.0.2.3']);
  assert.equal(book.size, 3);
  book.watch(['*.wild.net']);
  learn(book, 'b.wild.net', ['192.0.2.4']);
  assert.equal(book.size, 3);
  assert.deepEqual(book.patternsOf('b.wild.net'), ['*.wild.net']);
});

test('LearnedBook leaves one alone that is in use, which keeps its place', () => {
  const book = aBook({ inAll: 2 });
  learn(book, 'a.wild.net', ['192.0.2.1'], { nowMs: 0, ttlS: 0 });
  learn(book, 'b.wild.net', ['192.0.2.2'], { nowMs: 0, ttlS: 60 });
  const [due] = book.due(GRACE_MS);
  assert.ok(due);
  book.extend(due, 9_000);
  assert.deepEqual(textOf(book.due(8_999)), []);
  assert.deepEqual(
    book.list().map(({ isInUse }) => isInUse),
    [true, false],
  );
  learn(book, 'c.wild.net', ['192.0.2.3'], { nowMs: 0, ttlS: 60 });
  assert.deepEqual(textOf(book.list()), ['b.wild.net 192.0.2.2', 'c.wild.net 192.0.2.3']);
});
