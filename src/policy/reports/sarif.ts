// Findings as SARIF 2.1.0 (OASIS), as code scanning shows them at their lines.

import type { AssertionResult } from '../assertions.ts';
import { titleOf } from '../assertions.ts';
import type { Place } from '../placed-object.ts';

export interface SarifRule {
  readonly id: string;
  readonly description: string;
}

export interface SarifFinding {
  readonly ruleId: string;
  readonly level: 'error' | 'warning' | 'note';
  readonly message: string;
  readonly place: Place;
}

export function sarifLog(
  rules: readonly SarifRule[],
  findings: readonly SarifFinding[],
  version: string,
): string {
  const driver = {
    name: 'fairlead',
    version,
    rules: rules.map(({ id, description }) => ({ id, shortDescription: { text: description } })),
  };
  const results = findings.map(({ ruleId, level, message, place }) => ({
    ruleId,
    level,
    message: { text: message },
    locations: [
      {
        physicalLocation: { artifactLocation: { uri: uriOf(place.file) }, region: { startLine: place.line } },
      },
    ],
  }));
  const log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [{ tool: { driver }, results }],
  };
  return `${JSON.stringify(log, undefined, 2)}\n`;
}

/** Relative paths stay relative: code scanning takes them from the repository's root. */
function uriOf(file: string): string {
  return file.split('/').map(encodeURIComponent).join('/');
}

const ASSERTION_RULE = { id: 'policy-test', description: 'A connection is not as a policy test says' };

/** Failed assertions at their own lines. */
export function sarifReport(results: readonly AssertionResult[], version: string): string {
  const findings = results.flatMap(({ assertion, failure }) =>
    failure === undefined
      ? []
      : [
          {
            ruleId: ASSERTION_RULE.id,
            level: 'error' as const,
            message: `${titleOf(assertion)}: ${failure}`,
            place: assertion.place,
          },
        ],
  );
  return sarifLog([ASSERTION_RULE], findings, version);
}
