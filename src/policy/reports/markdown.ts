// Results of assertions as a page for a pull request or a job's summary.

import { titleOf, type AssertionResult } from '../assertions.ts';
import { placeText } from '../placed-object.ts';
import { countText } from './text.ts';

export function markdownReport(results: readonly AssertionResult[]): string {
  const failed = results.filter((it) => it.failure !== undefined);
  const rows = failed.map(({ assertion, failure = '' }) => [
    titleOf(assertion),
    failure,
    assertion.why ?? '',
    placeText(assertion.place),
  ]);
  const table = rows.length === 0 ? [] : ['', ...markdownTable(['test', 'failure', 'why', 'at'], rows)];
  return [`### Policy tests: ${countText(results)}`, ...table, ''].join('\n');
}

/** Lines of a table; cells may hold anything. */
export function markdownTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
): readonly string[] {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;
  return [line(header), `|${header.map(() => '---|').join('')}`, ...rows.map(line)];
}

/** What would end a cell, or be taken for HTML or a link. */
function cell(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/[\\|*_`[\]<>]/g, (it) => (it === '<' ? '&lt;' : it === '>' ? '&gt;' : `\\${it}`));
}
