// Names of listeners and routes: "*." and a name stands for one and more labels before it, undefined for every name. All in lower case.

export type Hostname = string | undefined;

/** What both mean together: the more specific of the two where one holds the other; undefined where they have no name in common. */
export function intersection(a: Hostname, b: Hostname): { readonly hostname: Hostname } | undefined {
  if (holds(a, b)) return { hostname: b };
  return holds(b, a) ? { hostname: a } : undefined;
}

/** Whether every name of `inner` is one of `outer`. */
export function holds(outer: Hostname, inner: Hostname): boolean {
  if (outer === undefined) return true;
  if (inner === undefined) return false;
  if (outer === inner) return true;
  return outer.startsWith('*.') && inner.endsWith(outer.slice(1)) && inner.length > outer.length - 1;
}

/** The more specific one first: names before patterns, longer before shorter, every name last; 0 for equally specific ones. */
export function compareSpecificity(a: Hostname, b: Hostname): number {
  return rank(b) - rank(a);
}

/** The same, with an order for all. */
export function compareHostnames(a: Hostname, b: Hostname): number {
  return compareSpecificity(a, b) || (textOf(a) < textOf(b) ? -1 : Number(textOf(a) > textOf(b)));
}

const MAX_HOSTNAME_LENGTH = 253;

function rank(hostname: Hostname): number {
  if (hostname === undefined) return -1;
  return hostname.length + (hostname.startsWith('*.') ? 0 : MAX_HOSTNAME_LENGTH + 1);
}

function textOf(hostname: Hostname): string {
  return hostname ?? '';
}
