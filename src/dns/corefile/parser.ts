// The structure of a Corefile: server blocks of directives with options, snippets put in their places, variables replaced. Pure.

import { CorefileSyntaxError, type CorefilePlace } from './finding.ts';
import { wordsOf, type Word } from './lexer.ts';

export interface ServerBlock {
  /** "corp.example:53" and the like, as they stand. */
  readonly keys: readonly Word[];
  readonly directives: readonly Directive[];
}

/** A line with the lines in its braces. */
export interface Directive {
  readonly name: Word;
  readonly args: readonly Word[];
  readonly options: readonly Directive[];
}

export interface CorefileSource {
  readonly file: string;
  readonly text: string;
  /** What `{$NAME}` stands for; a name that is not there is an error, since CoreDNS' own environment is not known here. */
  readonly variables: Readonly<Record<string, string | undefined>>;
}

/** Snippets that import each other end here, as in CoreDNS. */
const MAX_IMPORTS = 1000;
const MAX_WORDS = 200_000;
const MAX_DEPTH = 8;

/** Throws a `CorefileSyntaxError`. */
export function parseCorefile(source: CorefileSource): readonly ServerBlock[] {
  return new Parser(source).blocks();
}

class Parser {
  readonly #variables: CorefileSource['variables'];
  readonly #snippets = new Map<string, readonly Word[]>();
  readonly #end: CorefilePlace;
  #words: readonly Word[];
  #at = 0;
  #imports = 0;

  constructor({ file, text, variables }: CorefileSource) {
    this.#variables = variables;
    this.#words = wordsOf(text, file);
    const { line, column } = this.#words.at(-1) ?? { line: 1, column: 1 };
    this.#end = { file, line, column };
  }

  blocks(): readonly ServerBlock[] {
    const blocks: ServerBlock[] = [];
    for (;;) {
      this.#expandImport();
      if (this.#peek() === undefined) return blocks;
      const keys = this.#keys();
      const [first] = keys;
      const snippet = keys.length === 1 ? /^\((.+)\)$/.exec(first?.text ?? '')?.[1] : undefined;
      if (first !== undefined && snippet !== undefined) this.#readSnippet(snippet, first);
      else blocks.push({ keys, directives: this.#braced(0) });
    }
  }

  /** Up to the brace; a comma or the line's end may stand between two. */
  #keys(): readonly Word[] {
    const keys: Word[] = [];
    for (;;) {
      const word = this.#peek();
      if (word === undefined) throw this.#unexpectedEnd('a "{" after the zones');
      if (word.brace === '}')
        throw new CorefileSyntaxError(word, 'a "}" that closes nothing', 'take it away');
      if (word.brace === '{') {
        if (keys.length === 0)
          throw new CorefileSyntaxError(word, 'no zone before the "{"', 'name one, as "."');
        return keys;
      }
      this.#at++;
      const { text } = this.#replaced(word);
      for (const key of text.split(',')) if (key !== '') keys.push({ ...word, text: key });
    }
  }

  #readSnippet(name: string, at: Word): void {
    if (this.#snippets.has(name)) {
      throw new CorefileSyntaxError(at, `snippet "${name}" is there twice`, 'rename one of them');
    }
    const start = this.#at + 1;
    let depth = 0;
    do {
      const word = this.#next('the "}" of the snippet');
      if (word.brace !== undefined) depth += word.brace === '{' ? 1 : -1;
    } while (depth > 0);
    this.#snippets.set(name, this.#words.slice(start, this.#at - 1));
  }

  /** The lines between braces, from the opening to behind the closing one. */
  #braced(depth: number): readonly Directive[] {
    const open = this.#next('a "{"');
    if (depth > MAX_DEPTH) throw new CorefileSyntaxError(open, 'too many braces in each other', 'have fewer');
    const lines: Directive[] = [];
    for (;;) {
      this.#expandImport();
      const word = this.#peek();
      if (word === undefined) throw this.#unexpectedEnd(`the "}" of line ${open.line}`);
      if (word.brace === '}') {
        this.#at++;
        return lines;
      }
      if (word.brace === '{') {
        throw new CorefileSyntaxError(
          word,
          'a "{" at the start of a line',
          'put it at the end of the one before',
        );
      }
      lines.push(this.#line(depth));
    }
  }

  #line(depth: number): Directive {
    const name = this.#replaced(this.#next('a directive'));
    const args: Word[] = [];
    for (let word = this.#peek(); word !== undefined && !word.isFirst; word = this.#peek()) {
      if (word.brace === '{') return { name, args, options: this.#braced(depth + 1) };
      if (word.brace === '}') break;
      args.push(this.#replaced(word));
      this.#at++;
    }
    return { name, args, options: [] };
  }

  /** Puts a snippet's words in the place of the import that comes next, as often as there is one. */
  #expandImport(): void {
    for (;;) {
      const word = this.#peek();
      if (word === undefined || word.text !== 'import' || !word.isFirst) return;
      const argument = this.#words[this.#at + 1];
      if (argument === undefined || argument.isFirst) {
        throw new CorefileSyntaxError(word, 'an import of nothing', 'name a snippet');
      }
      const { text: name } = this.#replaced(argument);
      const snippet = this.#snippets.get(name);
      if (snippet === undefined) {
        const fix = 'write its content here: files beside the Corefile are not read';
        throw new CorefileSyntaxError(word, `no snippet "${name}" before this line`, fix);
      }
      const words = [...this.#words.slice(0, this.#at), ...snippet, ...this.#words.slice(this.#at + 2)];
      if (++this.#imports > MAX_IMPORTS || words.length > MAX_WORDS) {
        throw new CorefileSyntaxError(word, `the imports of "${name}" do not end`, 'take the circle away');
      }
      this.#words = words;
    }
  }

  #replaced(word: Word): Word {
    const text = word.text.replace(/\{\$([^{}$]+)\}|\{%([^{}%]+)%\}/g, (_, unix, windows) => {
      const name = String(unix ?? windows);
      const value = this.#variables[name];
      if (value === undefined) {
        throw new CorefileSyntaxError(word, `variable "${name}" is not set here`, 'write what it stands for');
      }
      return value;
    });
    return { ...word, text };
  }

  #peek(): Word | undefined {
    return this.#words[this.#at];
  }

  #next(expected: string): Word {
    const word = this.#words[this.#at++];
    if (word === undefined) throw this.#unexpectedEnd(expected);
    return word;
  }

  #unexpectedEnd(expected: string): CorefileSyntaxError {
    return new CorefileSyntaxError(this.#end, `the file ends before ${expected}`, 'add what is missing');
  }
}
