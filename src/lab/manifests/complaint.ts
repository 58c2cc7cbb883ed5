// What is wrong with the user's manifests, and the one error that says all of it at once.

import { FairleadError } from '../../base/errors.ts';
import type { Manifest } from './load.ts';

/** One mistake; `text` says what, `file` and `line` (from 1, undefined for the file as a whole) where. */
export interface Complaint {
  readonly file: string;
  readonly line: number | undefined;
  readonly text: string;
}

/** So many are said; whoever has more mends these first. */
const MAX_SHOWN = 100;

/** A complaint about a field of an object: "Service web: spec.ports[0].port: Required value". */
export function complain(manifest: Manifest, field: string, reason: string): Complaint {
  const { kind, metadata } = manifest.object;
  const where = field === '' ? '' : `${field}: `;
  return {
    file: manifest.file,
    line: manifest.lineOf(field),
    text: `${kind} ${metadata.name}: ${where}${reason}`,
  };
}

/** Throws `refusal` of the complaints; returns where there is none. */
export function refuse(complaints: readonly Complaint[]): void {
  if (complaints.length > 0) throw refusal(complaints);
}

function textOf({ file, line, text }: Complaint): string {
  return line === undefined ? `${file}: ${text}` : `${file}:${line}: ${text}`;
}

/** `invalid` with every complaint on a line of its own, in the order of files and lines. */
export function refusal(complaints: readonly Complaint[]): FairleadError {
  const files = [...new Set(complaints.map(({ file }) => file))];
  const sorted = complaints.toSorted((a, b) =>
    a.file === b.file ? (a.line ?? 0) - (b.line ?? 0) : files.indexOf(a.file) - files.indexOf(b.file),
  );
  const lines = sorted.slice(0, MAX_SHOWN).map(textOf);
  const more = sorted.length - lines.length;
  const all = more > 0 ? [...lines, `and ${more} more`] : lines;
  const count = sorted.length === 1 ? '1 mistake' : `${sorted.length} mistakes`;
  return new FairleadError('invalid', `Cannot use these manifests: ${count}\n${all.join('\n')}`, {
    details: { file: sorted[0]?.file, line: sorted[0]?.line, mistakes: sorted.length },
  });
}
