// Finds the user's manifests: files, folders or standard input. What a text says is read-manifests.ts's affair.

import { readFileSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { messageOf } from '../../base/errors.ts';
import { refuse, type Complaint } from './complaint.ts';
import { readManifests } from './read-manifests.ts';

/** Manifests are text that people write; what is larger is a mistake (or an attack) and refused. */
const MAX_BYTES = 16 << 20;
const ENDINGS = ['.yaml', '.yml', '.json'];
const STANDARD_INPUT = '-';
const NO_FILES = `a folder without ${ENDINGS.slice(0, -1).join(', ')} and ${ENDINGS.at(-1)} files`;
/** What the system calls of reading fail with, as users say it. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or folder',
  EACCES: 'permission denied',
  ENOTDIR: 'a part of its path is no folder',
  ELOOP: 'its links lead in a circle',
};

/** One object of a manifest and where it stands. */
export interface Manifest {
  readonly file: string;
  /** Line of the object's first key, from 1. */
  readonly line: number;
  readonly object: ManifestObject;
  /** Line of a field path such as "spec.ports[0].port" or of the nearest parent that is written down. */
  readonly lineOf: (field: string) => number;
}

/** The least that an object must have to be sent anywhere. */
export interface ManifestObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/**
 * All objects of the sources in reading order: a folder's files by name, its folders too, kinds `List` unfolded.
 * Throws `invalid` with every mistake of every file.
 */
export function loadManifests(sources: readonly string[], standardInput: () => string): readonly Manifest[] {
  const manifests: Manifest[] = [];
  const complaints: Complaint[] = [];
  for (const source of sources) {
    const found = loadSource(source, standardInput);
    manifests.push(...found.manifests);
    complaints.push(...found.complaints);
    if (found.manifests.length === 0 && found.complaints.length === 0)
      complaints.push(whole(nameOf(source), found.files === 0 ? NO_FILES : 'no object in it'));
  }
  refuse(complaints);
  return manifests;
}

interface Found {
  readonly manifests: readonly Manifest[];
  readonly complaints: readonly Complaint[];
}

function nameOf(source: string): string {
  return source === STANDARD_INPUT ? 'standard input' : source;
}

function loadSource(source: string, standardInput: () => string): Found & { readonly files: number } {
  try {
    const found = filesOf(source).map((file) => loadFile(file, standardInput));
    return {
      files: found.length,
      manifests: found.flatMap((it) => it.manifests),
      complaints: found.flatMap((it) => it.complaints),
    };
  } catch (error) {
    return { files: 0, manifests: [], complaints: [whole(source, reasonOf(error))] };
  }
}

function filesOf(source: string): readonly string[] {
  if (source === STANDARD_INPUT || !statSync(source).isDirectory()) return [source];
  return readdirSync(source, { recursive: true, withFileTypes: true })
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter((file) => ENDINGS.includes(path.extname(file)) && statSync(file).isFile())
    .sort();
}

function loadFile(file: string, standardInput: () => string): Found {
  const name = nameOf(file);
  try {
    const text = file === STANDARD_INPUT ? standardInput() : readFileSync(file, 'utf8');
    if (text.length > MAX_BYTES)
      return { manifests: [], complaints: [whole(name, `larger than ${MAX_BYTES} bytes`)] };
    return readManifests(name, text);
  } catch (error) {
    return { manifests: [], complaints: [whole(name, reasonOf(error))] };
  }
}

/** A complaint about no line in particular. */
function whole(file: string, text: string): Complaint {
  return { file, line: undefined, text };
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return REASONS[code] ?? messageOf(error);
}
