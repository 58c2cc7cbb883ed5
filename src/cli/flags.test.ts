import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command, CommanderError } from 'commander';
import { FairleadError } from '../base/errors.ts';
import { exitCodeOf } from './exit.ts';
import {
  filenameFlag,
  flag,
  forgetEmptySwitches,
  nameFlag,
  parseCount,
  parseDuration,
  parseList,
} from './flags.ts';

for (const row of [
  { text: '90', ms: 90_000 },
  { text: '500ms', ms: 500 },
  { text: '1.5s', ms: 1_500 },
  { text: '2m', ms: 120_000 },
  { text: '1h', ms: 3_600_000 },
]) {
  test(`parseDuration() reads ${row.text}`, () => assert.equal(parseDuration(row.text), row.ms));
}

for (const text of ['', '-1s', '1d', 's', '1 s', '1e3']) {
  test(`parseDuration() refuses "${text}"`, () =>
    assert.throws(() => parseDuration(text), /500ms, 90s or 2m/));
}

test('parseCount() and parseList() refuse what is no number and too many prefixes', () => {
  assert.equal(parseCount('12'), 12);
  for (const text of ['', '-1', '1.5', '1e2', '1000']) assert.throws(() => parseCount(text));
  assert.deepEqual(parseList('a, b'), ['a', 'b']);
  for (const text of ['', ',', 'a,b,c']) assert.throws(() => parseList(text));
});

/** What a command with some flags makes of its arguments and the environment. */
function parse(args: readonly string[], env: NodeJS.ProcessEnv): Record<string, unknown> {
  const saved = process.env;
  process.env = { ...env };
  try {
    const program = new Command('x').exitOverride();
    const command = program
      .command('go')
      .addOption(nameFlag())
      .addOption(filenameFlag())
      .addOption(flag('--no-check', ''))
      .addOption(flag('-q, --quiet', ''))
      .action(() => undefined);
    forgetEmptySwitches(program, process.env);
    program.parse(['go', ...args], { from: 'user' });
    return command.opts();
  } finally {
    process.env = saved;
  }
}

test('a flag wins over its variable, the variable over the default', () => {
  assert.equal(parse([], {})['name'], 'fairlead');
  assert.equal(parse([], { FAIRLEAD_NAME: 'two' })['name'], 'two');
  assert.equal(parse(['--name', 'three'], { FAIRLEAD_NAME: 'two' })['name'], 'three');
  assert.equal(parse([], { FAIRLEAD_NAME: '' })['name'], 'fairlead');
});

test('manifests add up among flags, and take the place of the variable', () => {
  assert.deepEqual(parse([], {})['filename'], []);
  assert.deepEqual(parse([], { FAIRLEAD_FILENAME: 'a' })['filename'], ['a']);
  assert.deepEqual(parse(['-f', 'b', '-f', 'c'], { FAIRLEAD_FILENAME: 'a' })['filename'], ['b', 'c']);
});

test('a switch is off where its variable says so', () => {
  for (const off of ['', '0', 'false', 'NO']) {
    const options = parse([], { FAIRLEAD_QUIET: off, FAIRLEAD_NO_CHECK: off });
    assert.equal(options['quiet'], undefined, off);
    assert.equal(options['check'], true, off);
  }
  const options = parse([], { FAIRLEAD_QUIET: '1', FAIRLEAD_NO_CHECK: 'true' });
  assert.equal(options['quiet'], true);
  assert.equal(options['check'], false);
});

for (const row of [
  { error: new FairleadError('invalid', 'x'), code: 2 },
  { error: new FairleadError('unsupported', 'x'), code: 3 },
  { error: new FairleadError('forbidden', 'x'), code: 3 },
  { error: new FairleadError('timeout', 'x'), code: 124 },
  { error: new FairleadError('aborted', 'x'), code: 130 },
  { error: AbortSignal.abort().reason as unknown, code: 130 },
  { error: new FairleadError('conflict', 'x'), code: 1 },
  { error: new CommanderError(1, 'commander.unknownOption', 'x'), code: 2 },
  { error: new CommanderError(0, 'commander.helpDisplayed', 'x'), code: 0 },
  { error: new Error('x'), code: 1 },
]) {
  test(`exitCodeOf() gives ${row.code} for ${String(row.error)}`, () =>
    assert.equal(exitCodeOf(row.error), row.code));
}
