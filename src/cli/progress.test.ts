import assert from 'node:assert/strict';
import { afterEach, beforeEach, suite, test } from 'node:test';
import type { WriteStream } from 'node:tty';
import { makeProgress } from './progress.ts';

/** A stream that keeps what is written. */
function aStream(isTTY: boolean, columns: number | undefined = 40) {
  let text = '';
  const stream = { isTTY, columns, write: (chunk: string) => ((text += chunk), true) };
  // The only members that progress uses.
  return { stream: stream as unknown as WriteStream, written: () => text };
}

suite('makeProgress()', () => {
  const noColor = process.env['NO_COLOR'];
  let nowMs = 0;
  const now = (): number => nowMs;

  beforeEach(() => {
    nowMs = 0;
    delete process.env['NO_COLOR'];
  });
  afterEach(() => {
    if (noColor === undefined) delete process.env['NO_COLOR'];
    else process.env['NO_COLOR'] = noColor;
  });

  test('off a terminal: a line per step, waiting said now and then, the same words seldom', () => {
    const { stream, written } = aStream(false);
    const progress = makeProgress(stream, now);
    progress.step('start');
    for (; nowMs < 20_000; nowMs += 500) progress.detail(nowMs < 6_000 ? `a ${nowMs}` : 'b');
    progress.step('end');
    nowMs += 100;
    progress.fail();
    progress.fail();
    assert.deepEqual(written().split('\n'), [
      'start: a 2000',
      'start: a 4000',
      'start: b',
      'start: done (20.0 s)',
      'end: failed (0.1 s)',
      '',
    ]);
  });

  test('on a terminal: one living line, cut to its width, with colour unless NO_COLOR is set', () => {
    for (const row of [
      { noColor: undefined, hasColor: true },
      { noColor: '', hasColor: true },
      { noColor: '1', hasColor: false },
    ]) {
      if (row.noColor === undefined) delete process.env['NO_COLOR'];
      else process.env['NO_COLOR'] = row.noColor;
      const { stream, written } = aStream(true);
      const progress = makeProgress(stream, now);
      progress.step('start');
      progress.detail('x'.repeat(500));
      progress.done();
      assert.equal(written().includes('\u001b[32m'), row.hasColor);
      assert.ok(
        written()
          .split('\r')
          .every((line) => line.length < 80),
      );
      assert.equal(written().match(/\n/g)?.length, 1);
    }
  });
});
