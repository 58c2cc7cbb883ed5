// `fairlead policy lint`: what is probably a mistake in policies.

import { readFileSync } from 'node:fs';
import { LEVELS, type Finding, type Level } from '../policy/lint/finding.ts';
import { LINT_RULES, lintPolicies } from '../policy/lint/lint.ts';
import { lintText } from '../policy/lint/lint-text.ts';
import type { Place } from '../policy/placed-object.ts';
import { sarifLog } from '../policy/reports/sarif.ts';
import { printForMachine } from './output.ts';
import { ownVersion } from '../sys/own-version.ts';
import { answering, loadObjects, podCidrsOf, type WorldFlags } from './policy-input.ts';
import { writeReport } from './policy-test.ts';

interface LintFlags extends WorldFlags {
  readonly failOn: Level | 'none';
  readonly ignore: readonly string[];
  readonly sarif?: string;
  readonly output?: string;
}

/** Exit code 1 where something of `--fail-on` or worse is found, 2 or more where it could not be looked for. */
export function policyLintCommand(flags: LintFlags): Promise<void> {
  return answering(async () => {
    const objects = await loadObjects(flags);
    const findings = lintPolicies(objects, { podCidrs: podCidrsOf(flags) }, flags.ignore);
    if (flags.sarif !== undefined) writeReport(flags.sarif, sarifOf(findings));
    if (!printForMachine(findings, flags.output)) process.stdout.write(lintText(findings, lineReader()));
    if (findings.some((it) => isAtLeast(it.level, flags.failOn))) process.exitCode = 1;
  });
}

function isAtLeast(level: Level, least: Level | 'none'): boolean {
  return least !== 'none' && LEVELS.indexOf(level) <= LEVELS.indexOf(least);
}

function sarifOf(findings: readonly Finding[]): string {
  const rules = LINT_RULES.map(({ id, about }) => ({ id, description: about }));
  const all = findings.map(({ rule, level, place, message, fix }) => ({
    ruleId: rule,
    level,
    message: `${message}. Fix: ${fix}`,
    place,
  }));
  return sarifLog(rules, all, ownVersion());
}

/** Lines of files that were read a moment ago; of standard input and of clusters there are none. */
function lineReader(): (place: Place) => string | undefined {
  const files = new Map<string, readonly string[]>();
  return ({ file, line }) => {
    if (line === 0) return undefined;
    let lines = files.get(file);
    if (lines === undefined) {
      lines = file === 'standard input' ? [] : readFileSync(file, 'utf8').split('\n');
      files.set(file, lines);
    }
    return lines[line - 1];
  };
}
