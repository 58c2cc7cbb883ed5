// Fields of the configuration file, with errors that name the field by its path.

import { FairleadError, messageOf } from '../base/errors.ts';

/** One object of the file; every method throws `invalid` where the field is not what it has to be. */
export class ConfigFields {
  readonly #raw: Readonly<Record<string, unknown>>;
  readonly #path: string;

  constructor(value: unknown, path = '') {
    this.#path = path;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw this.bad('', 'must be an object');
    }
    // A non-null, non-array object; its values stay unknown.
    this.#raw = value as Readonly<Record<string, unknown>>;
  }

  has(field: string): boolean {
    return this.#raw[field] !== undefined;
  }

  is(field: string, value: unknown): boolean {
    return this.#raw[field] === value;
  }

  text(field: string, absent?: string): string {
    const value = this.#raw[field] ?? absent;
    if (typeof value !== 'string' || value === '') throw this.bad(field, 'must be a text');
    return value;
  }

  flag(field: string): boolean {
    const value = this.#raw[field] ?? false;
    if (typeof value !== 'boolean') throw this.bad(field, 'must be true or false');
    return value;
  }

  oneOf<const Choice extends string>(field: string, choices: readonly [Choice, ...Choice[]]): Choice {
    const value = this.#raw[field] ?? choices[0];
    const choice = choices.find((it) => it === value);
    if (choice === undefined) throw this.bad(field, `must be one of ${choices.join(', ')}`);
    return choice;
  }

  number(field: string, absent: number, [min, max]: readonly [number, number]): number {
    const value = this.#raw[field] ?? absent;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
      throw this.bad(field, `must be a whole number from ${min} to ${max}`);
    }
    return value;
  }

  /** Two whole numbers, the larger one second. */
  range(field: string, [min, max]: readonly [number, number]): readonly [number, number] {
    const list = this.#list(field);
    const [low, high] = list;
    const isNumber = (it: unknown): it is number => typeof it === 'number' && Number.isInteger(it);
    if (list.length !== 2 || !isNumber(low) || !isNumber(high) || low < min || high > max || low > high) {
      throw this.bad(field, `must be two whole numbers from ${min} to ${max}, the larger one second`);
    }
    return [low, high];
  }

  /** The one text of the field through `parse`, whose error gets the field's name. */
  parsed<T>(field: string, parse: (text: string) => T, absent?: string): T {
    return this.#parse(field, this.text(field, absent), parse);
  }

  /** Each text of the list through `parse`; none where the list is absent. */
  parsedList<T>(field: string, parse: (text: string) => T): readonly T[] {
    return this.#list(field).map((it) => {
      if (typeof it !== 'string') throw this.bad(field, 'must be a list of texts');
      return this.#parse(field, it, parse);
    });
  }

  /** The objects of a list; none where it is absent. */
  objects(field: string): readonly ConfigFields[] {
    return this.#list(field).map((it, i) => new ConfigFields(it, `${this.#path}${field}[${i}].`));
  }

  /** The object of the field; an empty one where it is absent. */
  object(field: string): ConfigFields {
    return new ConfigFields(this.#raw[field] ?? {}, `${this.#path}${field}.`);
  }

  optionalObject(field: string): ConfigFields | undefined {
    return this.has(field) ? this.object(field) : undefined;
  }

  bad(field: string, because: string): FairleadError {
    const where = `${this.#path}${field}`.replace(/\.$/, '');
    const message = where === '' ? because : `${where}: ${because}`;
    return new FairleadError('invalid', `Cannot read configuration: ${message}`);
  }

  #parse<T>(field: string, text: string, parse: (text: string) => T): T {
    try {
      return parse(text);
    } catch (error) {
      throw this.bad(field, messageOf(error));
    }
  }

  #list(field: string): readonly unknown[] {
    const list = this.#raw[field] ?? [];
    if (!Array.isArray(list)) throw this.bad(field, 'must be a list');
    return list;
  }
}
