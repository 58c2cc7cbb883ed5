// Which commands of which kubectl have worked, and what docs/kubernetes-api.md says of them.

import { readFileSync } from 'node:fs';

/** Commands of two words. */
const GROUPS = ['auth', 'create', 'rollout', 'set'];
/** Flags that make another command of one. */
const FLAGS = ['--server-side', '--dry-run=server', '--type=merge', '--type=json'];

export class KubectlMatrix {
  readonly #worked = new Map<string, Set<number>>();

  /** To be told of every run that ended well. */
  worked(minor: number, args: readonly string[]): void {
    const [verb = '', second = ''] = args.filter((it, at) => it !== '-n' && args[at - 1] !== '-n');
    const words = GROUPS.includes(verb) ? [verb, second] : [verb];
    const command = [...words, ...FLAGS.filter((flag) => args.includes(flag))].join(' ');
    this.#worked.set(command, (this.#worked.get(command) ?? new Set()).add(minor));
  }

  /** "command" -> the minor versions that it worked with, oldest first. */
  rows(): ReadonlyMap<string, readonly number[]> {
    const sorted = [...this.#worked].sort(([a], [b]) => (a < b ? -1 : 1));
    return new Map(sorted.map(([command, minors]) => [command, [...minors].sort((a, b) => a - b)]));
  }
}

/** The rows as the page has them, for whoever has to bring it up to date. */
export function tableText(rows: ReadonlyMap<string, readonly number[]>, minors: readonly number[]): string {
  const lines = [...rows].map(([command, works]) => [
    `\`${command}\``,
    ...minors.map((it) => (works.includes(it) ? 'yes' : 'no')),
  ]);
  const head = ['kubectl', ...minors.map((it) => `1.${it}`)];
  return [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

const PAGE = new URL('../../docs/kubernetes-api.md', import.meta.url);

/** The page's table of commands: what it says of the versions that are there. */
export function documentedRows(minors: readonly number[]): ReadonlyMap<string, readonly number[]> {
  const lines = readFileSync(PAGE, 'utf8').split('\n');
  const start = lines.findIndex((line) => line.startsWith('| kubectl |'));
  const cells = (line: string | undefined): readonly string[] =>
    (line ?? '')
      .split('|')
      .slice(1, -1)
      .map((it) => it.trim());
  const versions = cells(lines[start])
    .slice(1)
    .map((it) => Number(it.replace('1.', '')));
  const rows = new Map<string, readonly number[]>();
  for (let at = start + 2; lines[at]?.startsWith('|') === true; at++) {
    const [command = '', ...marks] = cells(lines[at]);
    const works = versions.filter((minor, column) => minors.includes(minor) && marks[column] === 'yes');
    if (works.length > 0) rows.set(command.replaceAll('`', ''), works);
  }
  return rows;
}
