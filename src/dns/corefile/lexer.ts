// The words of a Corefile: separated by blanks, in quotes where they hold some, to the "#" of a comment. Pure.

import { CorefileSyntaxError, type CorefilePlace } from './finding.ts';

export interface Word extends CorefilePlace {
  readonly text: string;
  /** The first of its line. */
  readonly isFirst: boolean;
  /** A brace of its own, not in quotes. */
  readonly brace: '{' | '}' | undefined;
}

/** A ConfigMap holds no more. */
const MAX_CHARACTERS = 1 << 20;

/** Throws a `CorefileSyntaxError` where quotes do not end, or the text is too long. */
export function wordsOf(text: string, file: string): readonly Word[] {
  if (text.length > MAX_CHARACTERS) {
    const place = { file, line: 1, column: 1 };
    throw new CorefileSyntaxError(place, `${text.length} characters`, `keep to ${MAX_CHARACTERS}`);
  }
  return new Lexer(text.replace(/^\ufeff/, ''), file).words();
}

class Lexer {
  readonly #text: string;
  readonly #file: string;
  #at = 0;
  #line = 1;
  #lineStart = 0;
  #lastLine = 0;

  constructor(text: string, file: string) {
    this.#text = text;
    this.#file = file;
  }

  words(): readonly Word[] {
    const words: Word[] = [];
    for (;;) {
      this.#skip();
      if (this.#at >= this.#text.length) return words;
      const place = this.#place();
      const isFirst = this.#line !== this.#lastLine;
      const isQuoted = this.#text[this.#at] === '"';
      const text = isQuoted ? this.#quoted(place) : this.#plain(place);
      const brace = !isQuoted && (text === '{' || text === '}') ? text : undefined;
      words.push({ ...place, text, isFirst, brace });
      this.#lastLine = this.#line;
    }
  }

  /** Blanks and comments. */
  #skip(): void {
    for (; this.#at < this.#text.length; this.#at++) {
      const character = this.#text[this.#at] ?? '';
      if (character === '#') this.#at = this.#endOfLine() - 1;
      else if (character === '\n') this.#newLine();
      else if (!isBlank(character)) return;
    }
  }

  #plain(place: CorefilePlace): string {
    const start = this.#at;
    while (this.#at < this.#text.length) {
      const character = this.#text[this.#at] ?? '';
      if (isBlank(character) || character === '#') break;
      this.#at++;
    }
    const text = this.#text.slice(start, this.#at);
    if (text.length > 1 && text.endsWith('{')) {
      throw new CorefileSyntaxError(place, `no blank before the "{" of "${text}"`, 'put one there');
    }
    return text;
  }

  /** To the closing quotes, over lines; a backslash escapes quotes and nothing else. */
  #quoted(place: CorefilePlace): string {
    let text = '';
    for (this.#at++; this.#at < this.#text.length; this.#at++) {
      const character = this.#text[this.#at] ?? '';
      if (character === '"') {
        this.#at++;
        return text;
      }
      if (character === '\\' && this.#text[this.#at + 1] === '"') {
        text += '"';
        this.#at++;
        continue;
      }
      if (character === '\n') this.#newLine();
      text += character;
    }
    throw new CorefileSyntaxError(place, 'the quotes that open here do not end', 'close them');
  }

  #place(): CorefilePlace {
    return { file: this.#file, line: this.#line, column: this.#at - this.#lineStart + 1 };
  }

  #newLine(): void {
    this.#line++;
    this.#lineStart = this.#at + 1;
  }

  #endOfLine(): number {
    const end = this.#text.indexOf('\n', this.#at);
    return end < 0 ? this.#text.length : end;
  }
}

function isBlank(character: string): boolean {
  return /\s/.test(character);
}
