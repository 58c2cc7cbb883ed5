// Results of assertions in the Test Anything Protocol, version 14 (testanything.org).

import { titleOf, type AssertionResult } from '../assertions.ts';

export function tapReport(results: readonly AssertionResult[]): string {
  const points = results.flatMap(({ assertion, failure }, i) => {
    // A "#" would begin a directive.
    const title = oneLine(titleOf(assertion))
      .replaceAll('\\', '\\\\')
      .replaceAll('#', String.raw`\#`);
    if (failure === undefined) return [`ok ${i + 1} - ${title}`];
    const { file, line } = assertion.place;
    const facts = {
      message: failure,
      file,
      line,
      ...(assertion.why === undefined ? {} : { why: assertion.why }),
    };
    // JSON texts are YAML, too.
    const lines = Object.entries(facts).map(([key, value]) => `  ${key}: ${JSON.stringify(value)}`);
    return [`not ok ${i + 1} - ${title}`, '  ---', ...lines, '  ...'];
  });
  return ['TAP version 14', `1..${results.length}`, ...points, ''].join('\n');
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ');
}
