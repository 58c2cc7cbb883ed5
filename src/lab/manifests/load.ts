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
      complaints.push(unreadable(source, 'no object in it'));
  }
  refuse(complaints);
  return manifests;
}

interface Found {
  readonly manifests: readonly Manifest[];
  readonly complaints: readonly Complaint[];
}

function loadSource(source: string, standardInput: () => string): Found {
  try {
    const found = filesOf(source).map((file) => loadFile(file, standardInput));
    return {
      manifests: found.flatMap((it) => it.manifests),
      complaints: found.flatMap((it) => it.complaints),
    };
  } catch (error) {
    return { manifests: [], complaints: [unreadable(source, messageOf(error))] };
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
  const name = file === STANDARD_INPUT ? 'standard input' : file;
  try {
    const text = file === STANDARD_INPUT ? standardInput() : readFileSync(file, 'utf8');
    if (text.length > MAX_BYTES)
      return { manifests: [], complaints: [unreadable(name, `larger than ${MAX_BYTES} bytes`)] };
    return readManifests(name, text);
  } catch (error) {
    return { manifests: [], complaints: [unreadable(name, messageOf(error))] };
  }
}

function unreadable(file: string, text: string): Complaint {
  return { file, line: 1, text };
}
