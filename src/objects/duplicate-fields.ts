// Fields that a JSON text names twice: parsers keep the last one and say nothing.

interface Frame {
  /** Keys of an object so far; undefined in a list. */
  readonly keys: Set<string> | undefined;
  /** The key or the index where we are. */
  at: string | number;
}

const MAX_FOUND = 20;
const [QUOTE, BACKSLASH] = [0x22, 0x5c];

/** Their paths ("spec.ports[0].name"), the first ones; `text` is JSON. */
export function duplicateFields(text: string): readonly string[] {
  const found: string[] = [];
  const frames: Frame[] = [];
  let isKey = false;
  for (let at = 0; at < text.length && found.length < MAX_FOUND; at++) {
    const top = frames.at(-1);
    switch (text[at]) {
      case '{':
        frames.push({ keys: new Set(), at: '' });
        isKey = true;
        break;
      case '[':
        frames.push({ keys: undefined, at: 0 });
        isKey = false;
        break;
      case '}':
      case ']':
        frames.pop();
        isKey = false;
        break;
      case ',':
        if (typeof top?.at === 'number') top.at++;
        isKey = top?.keys !== undefined;
        break;
      case '"': {
        const end = endOfText(text, at);
        if (isKey && top?.keys !== undefined) {
          top.at = JSON.parse(text.slice(at, end)) as string; // A key of JSON is a text.
          if (top.keys.has(top.at)) found.push(pathOf(frames));
          top.keys.add(top.at);
          isKey = false;
        }
        at = end - 1;
        break;
      }
    }
  }
  return found;
}

/** Behind the closing quote of the text that begins at `start`. */
function endOfText(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) at++;
    else if (code === QUOTE) return at + 1;
  }
  return text.length;
}

function pathOf(frames: readonly Frame[]): string {
  return frames.reduce((path, { at }) => {
    if (typeof at === 'number') return `${path}[${at}]`;
    return path === '' ? at : `${path}.${at}`;
  }, '');
}
