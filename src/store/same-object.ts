// Whether two slim objects are the same: most updates of an object change a heartbeat or a status, nothing that its slim form keeps.

/** Slim objects are made by one parser each, so equal ones have the same members in the same order. */
export function isSameObject(before: object, after: object): boolean {
  return JSON.stringify(before, mapAsList) === JSON.stringify(after, mapAsList);
}

function mapAsList(_key: string, value: unknown): unknown {
  return value instanceof Map ? [...(value as Map<string, string>)] : value;
}
