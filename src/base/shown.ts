// A value of somebody else's as a word of an error message.

/** `String` calls what the value brings with it: {"toString": ""} throws. */
export function shown(value: unknown): string {
  const text = typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
  return text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS)}…` : text;
}

const MAX_CHARACTERS = 200;
