// npm run bench [-- NAME...]: runs the benches one after the other and prints one Markdown table of all their JSON lines.
// The churn of 10,000 pods takes half an hour and is run only where it is named.

import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = fileURLToPath(new URL('.', import.meta.url));
/** This file, and what takes half an hour. */
const NOT_BY_ITSELF = ['run-all', 'churn'];
/** What a row is about, in the order in which it is told. */
const SUBJECT_KEYS = ['what', 'subject', 'case', 'name', 'kind', 'mode', 'path', 'command', 'family'];

type Row = Readonly<Record<string, unknown>>;

/** The JSON lines of one bench; what it says otherwise goes to standard error. Throws where it fails. */
function rowsOf(bench: string): Promise<readonly Row[]> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path.join(HERE, `${bench}.ts`)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('close', (code) => {
      if (code !== 0) reject(new Error(`bench/${bench}.ts: exit ${code}`));
      else resolve(output.split('\n').flatMap(parseRow));
    });
  });
}

function parseRow(line: string): readonly Row[] {
  if (!line.startsWith('{')) return [];
  return [JSON.parse(line) as Row]; // A line of a bench of this folder.
}

function shown(value: unknown): string {
  if (typeof value === 'number') return String(Number(value.toPrecision(4)));
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function cell(entries: readonly (readonly [string, unknown])[]): string {
  return entries
    .map(([key, value]) => `${key} ${shown(value)}`)
    .join(', ')
    .replaceAll('|', '\\|');
}

/** | bench | what | figures | ratio | goal |: a goal is a field whose name says so, so is a ratio. */
function tableRow(bench: string, row: Row): string {
  const entries = Object.entries(row).filter(([key, value]) => key !== 'bench' && value !== undefined);
  const isGoal = (key: string): boolean => key.startsWith('goal');
  const isRatio = (key: string): boolean => key.startsWith('ratio');
  const isSubject = (key: string): boolean => SUBJECT_KEYS.includes(key);
  const subject = entries.filter(([key, value]) => isSubject(key) && typeof value === 'string');
  const figures = entries.filter((it) => !isGoal(it[0]) && !isRatio(it[0]) && !subject.includes(it));
  const cells = [
    bench,
    subject.map(([, value]) => shown(value)).join(', '),
    cell(figures),
    cell(entries.filter(([key]) => isRatio(key))),
    cell(entries.filter(([key]) => isGoal(key))),
  ];
  return `| ${cells.join(' | ')} |`;
}

const all = readdirSync(HERE)
  .filter((it) => it.endsWith('.ts'))
  .map((it) => it.slice(0, -'.ts'.length));
const named = process.argv.slice(2);
const benches = named.length > 0 ? named : all.filter((it) => !NOT_BY_ITSELF.includes(it)).sort();

process.stdout.write(
  `Linux ${os.release()}, ${os.availableParallelism()} cores, ${os.cpus()[0]?.model ?? ''}\n\n`,
);
process.stdout.write('| bench | what | figures | ratio | goal |\n|---|---|---|---|---|\n');
for (const bench of benches) {
  try {
    for (const row of await rowsOf(bench)) process.stdout.write(`${tableRow(bench, row)}\n`);
  } catch (error) {
    process.stdout.write(`| ${bench} | failed | ${String(error)} | | |\n`);
    process.exitCode = 1;
  }
}
