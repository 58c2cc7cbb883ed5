// Reads the user's manifests: files, folders or standard input, many documents each; every complaint names file and line.

import { readFileSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { isMap, isScalar, LineCounter, parseAllDocuments, type Document, type Node as YamlNode } from 'yaml';
import { FairleadError, messageOf } from '../../base/errors.ts';

/** Manifests are text that people write; what is larger is a mistake (or an attack) and refused. */
const MAX_BYTES = 16 << 20;
const ENDINGS = ['.yaml', '.yml', '.json'];

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

/** All objects of the sources in reading order: a folder's files by name, kinds `List` unfolded. Throws on the first set of mistakes, naming each. */
export function loadManifests(sources: readonly string[], standardInput: () => string): readonly Manifest[] {
  return sources
    .flatMap((source) => filesOf(source))
    .flatMap((file) => readManifests(file, textOf(file, standardInput)));
}

function filesOf(source: string): readonly string[] {
  if (source === '-') return ['-'];
  let isFolder: boolean;
  try {
    isFolder = statSync(source).isDirectory();
  } catch (error) {
    throw new FairleadError('not-found', `Cannot read manifests "${source}": ${messageOf(error)}`, {
      cause: error,
    });
  }
  if (!isFolder) return [source];
  const files = readdirSync(source, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && ENDINGS.includes(path.extname(entry.name)))
    .map((entry) => path.join(entry.parentPath, entry.name));
  if (files.length === 0)
    throw new FairleadError(
      'not-found',
      `Cannot find manifests in "${source}": no ${ENDINGS.join(', ')} file`,
    );
  return files.sort();
}

function textOf(file: string, standardInput: () => string): string {
  const text = file === '-' ? standardInput() : readFileSync(file, 'utf8');
  if (text.length > MAX_BYTES)
    throw new FairleadError('invalid', `Cannot read ${file}: larger than ${MAX_BYTES} bytes`);
  return text;
}

/** Exported for tests: the objects of one text. */
export function readManifests(file: string, text: string): readonly Manifest[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    uniqueKeys: true,
    maxAliasCount: 100,
  } as never) as Document[];
  const found: Manifest[] = [];
  for (const document of documents) {
    const error = document.errors[0];
    if (error !== undefined)
      throw invalid(file, lines.linePos(error.pos[0]).line, error.message.split('\n')[0] ?? error.message);
    if (document.contents === null || (isScalar(document.contents) && document.contents.value === null))
      continue;
    found.push(...objectsOf({ file, lines }, document));
  }
  return found;
}

interface Source {
  readonly file: string;
  readonly lines: LineCounter;
}

function objectsOf(source: Source, document: Document): readonly Manifest[] {
  const root = document.contents;
  const lineOf = (prefix: readonly (string | number)[]) => (field: string) =>
    lineOfPath(source, document, [...prefix, ...splitField(field)]);
  const value = toPlain(source, document);
  if (!isMap(root) || !isRecord(value))
    throw invalid(source.file, lineOfNode(source, root), 'a Kubernetes object is a mapping');
  if (value['kind'] === 'List' && Array.isArray(value['items'])) {
    return value['items'].map((item: unknown, i) => manifestOf(source.file, item, lineOf(['items', i])));
  }
  return [manifestOf(source.file, value, lineOf([]))];
}

function toPlain(source: Source, document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw invalid(source.file, lineOfNode(source, document.contents), messageOf(error));
  }
}

function manifestOf(file: string, value: unknown, lineOf: (field: string) => number): Manifest {
  const refuse = (field: string, text: string): never => {
    throw invalid(file, lineOf(field), `${field}: ${text}`);
  };
  if (!isRecord(value)) return refuse('', 'a Kubernetes object is a mapping');
  for (const field of ['apiVersion', 'kind']) {
    if (typeof value[field] !== 'string' || value[field] === '') refuse(field, 'required, a string');
  }
  const metadata = value['metadata'];
  if (!isRecord(metadata)) return refuse('metadata', 'required, a mapping with a name');
  if (typeof metadata['name'] !== 'string' || metadata['name'] === '')
    refuse('metadata.name', 'required, a string');
  if (metadata['namespace'] !== undefined && typeof metadata['namespace'] !== 'string')
    refuse('metadata.namespace', 'must be a string');
  // The fields that the type names were checked above.
  return { file, line: lineOf(''), object: value as unknown as ManifestObject, lineOf };
}

function invalid(file: string, line: number, text: string): FairleadError {
  const name = file === '-' ? 'standard input' : file;
  return new FairleadError('invalid', `${name}:${line}: ${text}`, { details: { file: name, line } });
}

function lineOfNode(source: Source, node: unknown): number {
  const range = (node as YamlNode | null)?.range;
  return range === undefined || range === null ? 1 : source.lines.linePos(range[0]).line;
}

/** "spec.ports[0].port" and "metadata.labels[app]" in steps. */
function splitField(field: string): readonly (string | number)[] {
  const steps = field.match(/[^.[\]]+/g) ?? [];
  return steps.map((step) => (/^[0-9]+$/.test(step) ? Number(step) : step));
}

/** A path that is not written down is answered by its nearest written parent: that is where the missing field belongs. */
function lineOfPath(source: Source, document: Document, steps: readonly (string | number)[]): number {
  for (let length = steps.length; length > 0; length--) {
    const part = steps.slice(0, length);
    const parent = length === 1 ? document.contents : document.getIn(part.slice(0, -1), true);
    const last = part[length - 1];
    if (isMap(parent)) {
      const pair = parent.items.find((item) => isScalar(item.key) && item.key.value === last);
      if (pair !== undefined) return lineOfNode(source, pair.key);
    } else {
      const node = document.getIn(part, true);
      if (node !== undefined) return lineOfNode(source, node);
    }
  }
  return lineOfNode(source, document.contents);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
