// Functions of the library that mean something else here than there get a name of our own before an expression is read: the library lets
// nothing of its own be replaced. What it has wrong are characters beyond the basic plane, letters beyond ASCII, and patterns that are not RE2.

const PREFIX = 'fairlead_';

const OWN = new Set([
  'has',
  'int',
  'matches',
  'indexOf',
  'lastIndexOf',
  'substring',
  'split',
  'lowerAscii',
  'upperAscii',
]);

/** Texts and comments, which are left alone, and names that are called. */
const PARTS =
  /[bB]?[rR][bB]?(?:"""[\s\S]*?"""|'''[\s\S]*?'''|"[^"\n]*"|'[^'\n]*')|"""(?:\\[\s\S]|[^\\])*?"""|'''(?:\\[\s\S]|[^\\])*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|\/\/.*|\b[A-Za-z]\w*(?=\s*\()/g;

/** The name under which ours is registered. */
export function ownName(name: string): string {
  return PREFIX + name;
}

/** The expression with ours in the place of the library's. */
export function withOwnNames(expression: string): string {
  return expression.replaceAll(PARTS, (part) => (OWN.has(part) ? ownName(part) : part));
}

/** A text of the library with the names that people know. */
export function withoutOwnNames(text: string): string {
  return text.replaceAll(PREFIX, '');
}
