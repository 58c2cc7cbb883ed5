// Results of assertions as JUnit's XML, in the form that CI servers read: a suite for each file.

import { titleOf, type AssertionResult } from '../assertions.ts';

export function junitReport(results: readonly AssertionResult[]): string {
  const files = [...new Set(results.map((it) => it.assertion.place.file))];
  const suites = files.map((file) =>
    suiteOf(
      file,
      results.filter((it) => it.assertion.place.file === file),
    ),
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites${counts(results)}>\n${suites.join('')}</testsuites>\n`;
}

function suiteOf(file: string, results: readonly AssertionResult[]): string {
  return `  <testsuite name="${escape(file)}"${counts(results)}>\n${results.map(caseOf).join('')}  </testsuite>\n`;
}

function caseOf({ assertion, failure }: AssertionResult): string {
  const { file, line } = assertion.place;
  const head = `    <testcase name="${escape(titleOf(assertion))}" classname="${escape(file)}" file="${escape(file)}" line="${line}"`;
  if (failure === undefined) return `${head}/>\n`;
  const why = assertion.why === undefined ? '' : `\nwhy: ${assertion.why}`;
  return `${head}>\n      <failure message="${escape(failure)}">${escape(`${file}:${line}: ${failure}${why}`)}</failure>\n    </testcase>\n`;
}

function counts(results: readonly AssertionResult[]): string {
  const failures = results.filter((it) => it.failure !== undefined).length;
  return ` tests="${results.length}" failures="${failures}" errors="0"`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\n': '&#10;',
};

/** XML 1.0 has no control characters, not even as references. */
function escape(text: string): string {
  return text
    .replace(/\p{Cc}|[\ufffe\uffff]/gu, (it) => (it === '\n' || it === '\t' ? it : '?'))
    .replace(/[&<>"\n]/g, (it) => ENTITIES[it] ?? it);
}
