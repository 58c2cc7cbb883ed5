// From the text of a manifest to its objects, many documents each; every complaint knows its line. Pure.

import { isMap, isScalar, LineCounter, parseAllDocuments, type Document, type Node as YamlNode } from 'yaml';
import { messageOf } from '../../base/errors.ts';
import { isObject } from '../../objects/json.ts';
import type { Complaint } from './complaint.ts';
import type { Manifest, ManifestObject } from './load.ts';

const MAX_ALIASES = 100;

/** The objects of one text, and what is wrong with it; a document with mistakes gives no object. */
export interface ReadText {
  readonly manifests: readonly Manifest[];
  readonly complaints: readonly Complaint[];
}

interface Source {
  readonly file: string;
  readonly lines: LineCounter;
  readonly manifests: Manifest[];
  readonly complaints: Complaint[];
}

export function readManifests(file: string, text: string): ReadText {
  const source: Source = { file, lines: new LineCounter(), manifests: [], complaints: [] };
  // Never the "empty stream" form: `yaml` gives that for a text without documents, and it has no members.
  const documents = parseAllDocuments(text, { lineCounter: source.lines, uniqueKeys: true });
  for (const document of Array.isArray(documents) ? documents : []) readDocument(source, document);
  return source;
}

function readDocument(source: Source, document: Document): void {
  for (const error of document.errors) {
    const [first = error.message] = error.message.split('\n');
    // The parser names the line itself, in the middle of its sentence.
    const text = first.replace(/ at line \d+, column \d+:?$/, '');
    complain(source, source.lines.linePos(error.pos[0]).line, text);
  }
  const root = document.contents;
  const isEmpty = root === null || (isScalar(root) && root.value === null);
  if (document.errors.length > 0 || isEmpty) return;
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    return complain(source, lineOfNode(source, root), messageOf(error));
  }
  readObject(source, document, value);
}

function readObject(source: Source, document: Document, value: unknown): void {
  const lineOf = (prefix: readonly (string | number)[]) => (field: string) =>
    lineOfPath(source, document, [...prefix, ...splitField(field)]);
  if (isObject(value) && value['kind'] === 'List' && Array.isArray(value['items'])) {
    for (const [i, item] of value['items'].entries()) addManifest(source, item, lineOf(['items', i]));
  } else addManifest(source, value, lineOf([]));
}

function addManifest(source: Source, value: unknown, lineOf: (field: string) => number): void {
  const before = source.complaints.length;
  const say = (field: string, text: string): void => complain(source, lineOf(field), `${field}: ${text}`);
  if (!isObject(value)) return complain(source, lineOf(''), 'a Kubernetes object is a mapping');
  for (const field of ['apiVersion', 'kind'])
    if (typeof value[field] !== 'string' || value[field] === '') say(field, 'required, a string');
  const { metadata } = value;
  if (!isObject(metadata)) return say('metadata', 'required, a mapping with a name');
  if (typeof metadata['name'] !== 'string' || metadata['name'] === '')
    say('metadata.name', 'required, a string');
  const namespace = metadata['namespace'];
  if (namespace !== undefined && (typeof namespace !== 'string' || namespace === ''))
    say('metadata.namespace', 'must be a string');
  if (source.complaints.length > before) return;
  // The fields that the type names were checked above.
  const object = value as unknown as ManifestObject;
  source.manifests.push({ file: source.file, line: lineOf(''), object, lineOf });
}

function complain(source: Source, line: number, text: string): void {
  source.complaints.push({ file: source.file, line, text });
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
      const keys = parent.items.map((item) => item.key);
      // A step may be a number as well as a key that looks like one; "clusterIPs" may be written as "clusterIP".
      const key = [String(last), String(last).replace(/s$/, '')]
        .map((name) => keys.find((it) => isScalar(it) && String(it.value) === name))
        .find((it) => it !== undefined);
      if (key !== undefined) return lineOfNode(source, key);
    } else {
      const node = document.getIn(part, true);
      if (node !== undefined) return lineOfNode(source, node);
    }
  }
  return lineOfNode(source, document.contents);
}
