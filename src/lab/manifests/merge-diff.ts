// The three-way difference behind apply, as a JSON merge patch (RFC 7386). Pure.

type Json = Readonly<Record<string, unknown>>;

/**
 * The patch that takes `current` to `wanted`: fields of `wanted` that differ, and null for what `last` had and `wanted` has not.
 * Fields that only `current` has (defaults, other writers' fields) stay. Undefined when nothing has to change.
 * Lists count as one value: one that holds everything that is wanted, item by item, is left alone, since the server adds defaults inside.
 * So are items behind those that were applied: others added them (the volume of a pod's service account, ...).
 */
export function diffForMerge(last: unknown, wanted: unknown, current: unknown): Json | undefined {
  const patch = diffRecords(asRecord(last), asRecord(wanted), asRecord(current));
  return Object.keys(patch).length === 0 ? undefined : patch;
}

function diffRecords(last: Json, wanted: Json, current: Json): Json {
  const patch: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(wanted)) {
    if (holds(current[key], value, last[key])) continue;
    patch[key] =
      isRecord(value) && isRecord(current[key])
        ? diffRecords(asRecord(last[key]), value, asRecord(current[key]))
        : value;
  }
  for (const key of Object.keys(last)) if (!(key in wanted) && key in current) patch[key] = null;
  return patch;
}

/** True when `current` says everything that `wanted` says, and nothing of `last` that `wanted` has dropped. */
function holds(current: unknown, wanted: unknown, last: unknown): boolean {
  if (isRecord(wanted)) {
    if (!isRecord(current)) return false;
    const dropped = isRecord(last)
      ? Object.keys(last).some((key) => !(key in wanted) && key in current)
      : false;
    return (
      !dropped &&
      Object.entries(wanted).every(([key, value]) =>
        holds(current[key], value, isRecord(last) ? last[key] : undefined),
      )
    );
  }
  if (Array.isArray(wanted)) {
    if (!Array.isArray(current) || current.length < wanted.length) return false;
    const isLonger = current.length > wanted.length;
    if (isLonger && !(Array.isArray(last) && last.length <= wanted.length)) return false;
    return wanted.every((value, i) => holds(current[i], value, Array.isArray(last) ? last[i] : undefined));
  }
  return current === wanted || (current === undefined && wanted === null);
}

function asRecord(value: unknown): Json {
  return isRecord(value) ? value : {};
}

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
