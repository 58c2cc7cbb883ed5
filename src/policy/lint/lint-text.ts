// Findings for people.

import { placeText, type Place } from '../placed-object.ts';
import { LEVELS, type Finding } from './finding.ts';

/** `lineAt` gives the text of a line, undefined where it is not at hand. */
export function lintText(findings: readonly Finding[], lineAt: (place: Place) => string | undefined): string {
  const paragraphs = findings.map(({ rule, level, place, message, fix }) => {
    const line = lineAt(place);
    const shown = line === undefined ? '' : `    ${place.line} | ${line.trimEnd()}\n`;
    return `${placeText(place)}: ${level} ${rule}: ${message}\n${shown}    fix: ${fix}\n`;
  });
  return `${paragraphs.join('')}${countText(findings)}\n`;
}

/** "1 error, 2 warnings, 0 notes". */
function countText(findings: readonly Finding[]): string {
  return LEVELS.map((level) => {
    const count = findings.filter((it) => it.level === level).length;
    return `${count} ${level}${count === 1 ? '' : 's'}`;
  }).join(', ');
}
