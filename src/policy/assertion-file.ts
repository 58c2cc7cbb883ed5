// Files of assertions: who must reach whom and who must not. From text to assertions with lines; what the names mean is judged elsewhere.

import {
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  type Document,
  type Node as YamlNode,
} from 'yaml';
import type { Place } from './placed-object.ts';

export type Expectation = 'allow' | 'deny';

/** One connection and what must become of it; texts are as people wrote them. */
export interface Assertion {
  readonly place: Place;
  readonly name: string | undefined;
  readonly namespace: string;
  /** A name, or a pattern that stands for many. */
  readonly from: string;
  readonly to: string;
  /** What the patterns do not stand for. */
  readonly except: readonly string[];
  readonly port: string;
  readonly protocol: string | undefined;
  readonly expect: Expectation;
  /** The policy that must decide: "web" or "shop/web" or "NetworkPolicy shop/web". */
  readonly by: string | undefined;
  /** Why it must be so: for reports. */
  readonly why: string | undefined;
}

export interface Mistake {
  readonly place: Place;
  readonly text: string;
}

export interface ReadAssertions {
  readonly assertions: readonly Assertion[];
  readonly mistakes: readonly Mistake[];
}

/** What a file of assertions says that it is, where it lies among manifests. */
export function isPolicyTest({
  apiVersion,
  kind,
}: {
  readonly apiVersion: string;
  readonly kind: string;
}): boolean {
  return apiVersion.startsWith('policy.fairlead.dev/') && kind === 'PolicyTest';
}

const FILE_KEYS = ['apiVersion', 'kind', 'metadata', 'namespace', 'tests'];
const TEST_KEYS = ['name', 'from', 'to', 'except', 'port', 'protocol', 'expect', 'by', 'why'];

interface Source {
  readonly file: string;
  readonly lines: LineCounter;
  readonly assertions: Assertion[];
  readonly mistakes: Mistake[];
}

/** `from`, `to` and `port` may be lists: every combination is an assertion of its own. */
export function readAssertions(file: string, text: string): ReadAssertions {
  const source: Source = { file, lines: new LineCounter(), assertions: [], mistakes: [] };
  const documents = parseAllDocuments(text, { lineCounter: source.lines, uniqueKeys: true });
  for (const document of Array.isArray(documents) ? documents : []) readDocument(source, document);
  if (source.assertions.length === 0 && source.mistakes.length === 0)
    source.mistakes.push({ place: { file, line: 1 }, text: 'no tests in it: a mapping with a list "tests"' });
  return source;
}

function readDocument(source: Source, document: Document): void {
  for (const error of document.errors) {
    const [first = error.message] = error.message.split('\n');
    const { line } = source.lines.linePos(error.pos[0]);
    const words = first.replace(/ at line \d+, column \d+:?$/, '');
    source.mistakes.push({ place: { file: source.file, line }, text: words });
  }
  const root = document.contents;
  if (document.errors.length > 0 || root === null || (isScalar(root) && root.value === null)) return;
  if (!isMap(root)) return say(source, root, 'must be a mapping with a list "tests"');
  const fields = fieldsOf(source, root, FILE_KEYS);
  const namespace = textOf(source, fields.get('namespace')) ?? 'default';
  const tests = fields.get('tests');
  if (!isSeq(tests)) return say(source, tests ?? root, 'tests: required, a list');
  for (const item of tests.items) readTest(source, item, namespace);
}

function readTest(source: Source, item: unknown, namespace: string): void {
  const before = source.mistakes.length;
  const fields = fieldsOf(source, item, TEST_KEYS);
  const one = (key: string): string | undefined => textOf(source, fields.get(key));
  const many = (key: string): readonly string[] => {
    const node = fields.get(key);
    const texts = isSeq(node)
      ? node.items.map((it) => textOf(source, it) ?? '')
      : [textOf(source, node) ?? ''];
    if (texts.length === 0 || texts.includes('')) say(source, node ?? item, `${key}: required`);
    return texts;
  };
  const expect = one('expect') ?? '';
  if (expect !== 'allow' && expect !== 'deny')
    say(source, fields.get('expect') ?? item, 'expect: must be allow or deny');
  const [froms, tos, ports] = [many('from'), many('to'), many('port')];
  const except = fields.has('except') ? many('except') : [];
  if (except.length > 0 && ![...froms, ...tos].some((it) => it.endsWith('*')))
    say(source, fields.get('except'), 'except: neither from nor to is a pattern such as shop/*');
  const rest = {
    except,
    namespace,
    name: one('name'),
    protocol: one('protocol'),
    by: one('by'),
    why: one('why'),
  };
  if (source.mistakes.length > before || (expect !== 'allow' && expect !== 'deny')) return;
  const place = placeOf(source, item);
  for (const from of froms)
    for (const to of tos)
      for (const port of ports) source.assertions.push({ ...rest, place, from, to, port, expect });
}

function fieldsOf(source: Source, node: unknown, known: readonly string[]): ReadonlyMap<string, unknown> {
  if (!isMap(node)) {
    say(source, node, 'must be a mapping');
    return new Map();
  }
  const fields = new Map<string, unknown>();
  for (const { key, value } of node.items) {
    const name = isScalar(key) ? String(key.value) : '';
    if (known.includes(name)) fields.set(name, value);
    else say(source, key, `${name}: unknown field, there are ${known.join(', ')}`);
  }
  return fields;
}

/** The text of a scalar, numbers too; undefined where it is absent. */
function textOf(source: Source, node: unknown): string | undefined {
  if (node === undefined || node === null || (isScalar(node) && node.value === null)) return undefined;
  if (isScalar(node) && (typeof node.value === 'string' || typeof node.value === 'number'))
    return String(node.value);
  say(source, node, 'must be a text or a number');
  return undefined;
}

function say(source: Source, node: unknown, text: string): void {
  source.mistakes.push({ place: placeOf(source, node), text });
}

function placeOf({ file, lines }: Source, node: unknown): Place {
  const range = (node as YamlNode | null | undefined)?.range;
  return { file, line: range === undefined || range === null ? 1 : lines.linePos(range[0]).line };
}
