// docs/reference/cli.md against the commands themselves: a flag that the page lacks, or one that it invents, is red.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Command, Option } from 'commander';
import { makeProgram } from './program.ts';

const PAGE = readFileSync(new URL('../../docs/reference/cli.md', import.meta.url), 'utf8');

/** Commands that do something, with the words that start them. */
function leaves(
  command: Command,
  path: string,
): readonly { readonly path: string; readonly command: Command }[] {
  const below = command
    .createHelp()
    .visibleCommands(command)
    .filter((it) => it.name() !== 'help');
  if (below.length === 0) return [{ path, command }];
  return below.flatMap((it) => leaves(it, `${path} ${it.name()}`));
}

function rowOf(option: Option): string {
  const flags = option.flags
    .split(/, /)
    .map((it) => `\`${it}\``)
    .join(', ');
  return `| ${flags} | ${option.envVar === undefined ? 'none' : `\`${option.envVar}\``} |`;
}

/** The part of the page below the command's own heading, or below that of all processes. */
function sectionOf(path: string): string {
  const heading = PAGE.includes(`\n## ${path}\n`) ? `\n## ${path}\n` : '\n## Processes\n';
  const from = PAGE.indexOf(heading) + heading.length;
  const to = PAGE.indexOf('\n## ', from);
  return PAGE.slice(from, to === -1 ? undefined : to);
}

for (const { path, command } of leaves(makeProgram(), 'fairlead')) {
  test(`the reference page lists every flag of ${path}, and no other`, () => {
    const rows = sectionOf(path)
      .split('\n')
      .filter((line) => line.startsWith('| `-'));
    const wanted = command.options.map(rowOf);
    assert.deepEqual(rows.map((row) => row.split('|').slice(0, 3).join('|') + '|').sort(), wanted.toSorted());
    assert.ok(PAGE.includes(path) || PAGE.includes(`\`${command.name()}\``), `${path} is on the page`);
  });
}

test('every variable stands for one flag of a command, and no two meanings share one', () => {
  for (const { path, command } of leaves(makeProgram(), 'fairlead')) {
    const variables = command.options.flatMap((it) => it.envVar ?? []);
    assert.deepEqual([...new Set(variables)], variables, path);
  }
});
