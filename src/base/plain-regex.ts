// Regular expressions as users may write them: what RE2, PCRE and ECMAScript all read in the same way, so that it does not matter who matches.

/** As Gateway API bounds the values that hold one. */
const MAX_REGEX_LENGTH = 4096;

// Each alternative is one thing: a class of characters, an escape, a group's ends, a repetition, a bar, an anchor or a character.
const PART =
  /(?<class>\[\^?(?:\\[dwsDWS]|\\[^A-Za-z0-9]|[^\\\][])+\])|(?<escape>\\(?:[dwsDWSbBtnr]|[^A-Za-z0-9]))|(?<open>\((?:\?:)?)|(?<close>\))|(?<repeat>(?:[*+?]|\{\d{1,3}(?:,\d{0,3})?\})\??)|(?<bar>\|)|(?<anchor>[\^$])|(?<character>[^\\[\](){}*+?|^$])/uy;

/** The expression, which a value must match as a whole; undefined where it is not one of the common ones. */
export function readPlainRegex(text: string): RegExp | undefined {
  if (text.length > MAX_REGEX_LENGTH || !isPlain(text)) return undefined;
  try {
    return new RegExp(`^(?:${text})$`);
  } catch {
    // Ranges the wrong way round and the like: what cannot be compiled is none.
    return undefined;
  }
}

interface OpenGroup {
  /** A repetition without end lies within: to repeat it without end again would take exponential time. */
  isEndless: boolean;
}

function isPlain(text: string): boolean {
  const groups: OpenGroup[] = [{ isEndless: false }];
  let repeatable: OpenGroup | 'one' | undefined;
  PART.lastIndex = 0;
  while (PART.lastIndex < text.length) {
    const part = PART.exec(text)?.groups;
    if (part === undefined) return false;
    const inner = groups.at(-1);
    if (inner === undefined) return false;
    if (part['repeat'] !== undefined) {
      if (repeatable === undefined) return false;
      const isEndless = /^(?:[*+]|\{\d+,\})/.test(part['repeat']);
      if (isEndless && repeatable !== 'one' && repeatable.isEndless) return false;
      inner.isEndless ||= isEndless;
      repeatable = undefined;
    } else if (part['open'] !== undefined) {
      groups.push({ isEndless: false });
      repeatable = undefined;
    } else if (part['close'] !== undefined) {
      groups.pop();
      const outer = groups.at(-1);
      if (outer === undefined) return false;
      outer.isEndless ||= inner.isEndless;
      repeatable = inner;
    } else {
      repeatable = part['bar'] === undefined && part['anchor'] === undefined ? 'one' : undefined;
    }
  }
  return groups.length === 1;
}
