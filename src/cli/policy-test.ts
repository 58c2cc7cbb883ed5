// `fairlead policy test`: assertions about policies, with the reports that CI servers read.

import { readFileSync, writeFileSync } from 'node:fs';
import { FairleadError, messageOf } from '../base/errors.ts';
import { readAssertions, type Assertion } from '../policy/assertion-file.ts';
import { judgeAssertions, refuseMistakes, type AssertionResult } from '../policy/assertions.ts';
import { oracleJudge } from '../policy/policy-judge.ts';
import { junitReport } from '../policy/reports/junit.ts';
import { markdownReport } from '../policy/reports/markdown.ts';
import { sarifReport } from '../policy/reports/sarif.ts';
import { tapReport } from '../policy/reports/tap.ts';
import { textReport } from '../policy/reports/text.ts';
import { packetCountText, type PacketResult } from '../policy/packet-results.ts';
import { ownVersion } from '../sys/own-version.ts';
import { printForMachine } from './output.ts';
import { answering, loadPolicyWorld, type WorldFlags } from './policy-input.ts';
import type { PacketFlags } from './policy-packets.ts';

interface TestFlags extends WorldFlags {
  readonly timeout: number;
  readonly quiet?: boolean;
  readonly junit?: string;
  readonly sarif?: string;
  readonly markdown?: string;
  readonly tap?: boolean;
  readonly output?: string;
}

/** Exit code 1 where an assertion fails, 2 or more where one cannot be judged. */
export function policyTestCommand(files: readonly string[], flags: TestFlags): Promise<void> {
  return answering(async () => {
    const assertions = loadAssertions(files);
    const { cluster } = flags;
    const packets = cluster === undefined ? undefined : await withPackets(assertions, { ...flags, cluster });
    const results = packets ?? (await byFiles(assertions, flags));
    writeReports(results, flags);
    if (flags.tap === true) process.stdout.write(tapReport(results));
    else if (!printForMachine(results.map(machineForm), flags.output)) {
      process.stdout.write(textReport(results, flags.output === 'wide'));
      if (packets !== undefined) process.stdout.write(`${packetCountText(packets)}\n`);
    }
    if (results.some((it) => it.failure !== undefined)) process.exitCode = 1;
  });
}

async function byFiles(
  assertions: readonly Assertion[],
  flags: TestFlags,
): Promise<readonly AssertionResult[]> {
  const world = await loadPolicyWorld(flags);
  return judgeAssertions(world, oracleJudge(world), assertions);
}

/** What speaks to a cluster is loaded where there is one. */
async function withPackets(
  assertions: readonly Assertion[],
  flags: PacketFlags,
): Promise<readonly PacketResult[]> {
  return (await import('./policy-packets.ts')).testWithPackets(assertions, flags);
}

/** Throws `invalid` with every mistake of every file. */
export function loadAssertions(files: readonly string[]): readonly Assertion[] {
  const read = files.map((file) => readAssertions(file, textOf(file)));
  refuseMistakes(read.flatMap((it) => it.mistakes));
  return read.flatMap((it) => it.assertions);
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new FairleadError('invalid', `Cannot read tests "${file}": ${messageOf(error)}`, { cause: error });
  }
}

function writeReports(results: readonly AssertionResult[], { junit, sarif, markdown }: TestFlags): void {
  if (junit !== undefined) writeReport(junit, junitReport(results));
  if (sarif !== undefined) writeReport(sarif, sarifReport(results, ownVersion()));
  if (markdown !== undefined) writeReport(markdown, markdownReport(results));
}

export function writeReport(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new FairleadError('invalid', `Cannot write report "${file}": ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** A result for machines. */
export function machineForm({ assertion, failure, ...rest }: AssertionResult): object {
  return { ...assertion, isPassed: failure === undefined, failure, ...rest };
}
