// Reading foreign objects: a field knows its path, so that whatever is malformed is named. Decides nothing about any kind.

import { FairleadError, messageOf } from '../base/errors.ts';

/** A place in a foreign object: `Service shop/web`, `spec.ports[0].port`, and the unchecked value found there. */
export class Field {
  readonly #of: string;
  readonly #path: string;
  readonly value: unknown;

  private constructor(of: string, path: string, value: unknown) {
    this.#of = of;
    this.#path = path;
    this.value = value;
  }

  /** The root of `raw`; `kind` and the object's own name appear in every error below it. */
  static root(kind: string, raw: unknown): Field {
    const metadata = propertyOf(raw, 'metadata');
    const names = [propertyOf(metadata, 'namespace'), propertyOf(metadata, 'name')];
    const name = names.filter((part) => typeof part === 'string' && part !== '').join('/');
    return new Field(name === '' ? kind : `${kind} ${name}`, '', raw);
  }

  /** The field at a dotted path; absent where any step of it is absent or no object. */
  at(path: string): Field {
    let value = this.value;
    for (const step of path.split('.')) value = propertyOf(value, step);
    return new Field(this.#of, this.#path === '' ? path : `${this.#path}.${path}`, value);
  }

  /** Absent and null are the same: the API writes either. */
  get isAbsent(): boolean {
    return this.value === undefined || this.value === null;
  }

  text(): string {
    return typeof this.value === 'string' ? this.value : this.fail('must be a text');
  }

  optionalText(): string | undefined {
    return this.isAbsent ? undefined : this.text();
  }

  bool(absent: boolean): boolean {
    if (this.isAbsent) return absent;
    return typeof this.value === 'boolean' ? this.value : this.fail('must be true or false');
  }

  /** What the word that stands here means; `absent` where none does, and without it the field must be there. */
  choice<T>(words: Readonly<Record<string, T>>, absent?: T): T {
    if (this.isAbsent && absent !== undefined) return absent;
    const known = Object.entries(words).find(([word]) => word === this.value);
    return known === undefined ? this.fail(`must be ${Object.keys(words).join(' or ')}`) : known[1];
  }

  optionalInteger(): number | undefined {
    if (this.isAbsent) return undefined;
    return Number.isSafeInteger(this.value) ? (this.value as number) : this.fail('must be a whole number');
  }

  /** The elements; none where the list is absent. */
  list(): readonly Field[] {
    if (this.isAbsent) return [];
    if (!Array.isArray(this.value)) return this.fail('must be a list');
    const elements: readonly unknown[] = this.value;
    return elements.map((value, i) => new Field(this.#of, `${this.#path}[${i}]`, value));
  }

  /** The names of a map's entries; none where it is absent. */
  names(): readonly string[] {
    if (this.isAbsent) return [];
    if (typeof this.value !== 'object' || Array.isArray(this.value)) return this.fail('must be a map');
    return Object.keys(this.value ?? {});
  }

  /** A map of texts, as labels and selectors are; empty where absent. */
  textMap(): ReadonlyMap<string, string> {
    if (this.isAbsent) return NO_TEXTS;
    return new Map(this.names().map((name) => [name, this.#textOf(name)]));
  }

  /** What `parse` makes of the value; its error is wrapped so that the field is named. */
  parse<T>(parse: (value: unknown) => T): T {
    try {
      return parse(this.value);
    } catch (error) {
      return this.fail(messageOf(error), error);
    }
  }

  /** Throws `invalid` naming object and field. */
  fail(because: string, cause?: unknown): never {
    const details = { object: this.#of, field: this.#path };
    throw new FairleadError('invalid', `Cannot read ${this.#of}: ${this.#path}: ${because}`, {
      details,
      cause,
    });
  }

  /** Keys of labels hold dots, so that `at` would split them. */
  #textOf(name: string): string {
    const value = propertyOf(this.value, name);
    return new Field(this.#of, `${this.#path}["${name}"]`, value).text();
  }
}

const NO_TEXTS: ReadonlyMap<string, string> = new Map();

function propertyOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  // `value` is a non-null object that owns `name`; whatever is there stays unknown.
  return (value as Readonly<Record<string, unknown>>)[name];
}
