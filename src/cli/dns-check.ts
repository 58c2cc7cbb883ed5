// `fairlead dns check`: what a Corefile means for the DNS process, before a cluster moves over.

import { readFileSync } from 'node:fs';
import { FairleadError, messageOf } from '../base/errors.ts';
import { COREFILE_LEVELS, findingText } from '../dns/corefile/finding.ts';
import { readCorefile, type CorefileReading } from '../dns/corefile/read-corefile.ts';
import { printForMachine } from './output.ts';

interface CheckFlags {
  readonly clusterDomain: string;
  readonly output?: string;
}

/** Exit code 1 where the file has errors, so that nothing of it would be taken. */
export function dnsCheckCommand(path: string, { clusterDomain, output }: CheckFlags): void {
  const file = path === '-' ? 'standard input' : path;
  const reading = readCorefile({ file, text: textOf(path), variables: process.env, clusterDomain });
  if (!printForMachine(reading, output)) process.stdout.write(readingText(reading));
  if (reading.settings === undefined) process.exitCode = 1;
}

function textOf(path: string): string {
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8');
  } catch (error) {
    throw new FairleadError('invalid', `Cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
}

function readingText({ zones, findings }: CorefileReading): string {
  const understood = zones.flatMap(({ zone, words }) => [`zone "${zone}"`, ...words.map((it) => `  ${it}`)]);
  const counts = COREFILE_LEVELS.map((level) => {
    const count = findings.filter((it) => it.level === level).length;
    return `${count} ${level}${count === 1 ? '' : 's'}`;
  });
  return [...understood, ...findings.map(findingText), counts.join(', '), ''].join('\n');
}
