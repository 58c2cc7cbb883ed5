// The statuses that objects have in the API, as they were last seen: what is to be written is told from what stands already.

/** Of one object; `version` refuses a write where somebody wrote meanwhile. */
export interface SeenStatus {
  readonly version: string;
  readonly generation: number;
  /** `status` as it stands, whatever it is. */
  readonly status: Readonly<Record<string, unknown>>;
}

/** By kind and "namespace/name". */
export class SeenStatuses {
  readonly #kinds = new Map<string, Map<string, SeenStatus>>();

  of(kind: string): Map<string, SeenStatus> {
    let found = this.#kinds.get(kind);
    if (found === undefined) this.#kinds.set(kind, (found = new Map()));
    return found;
  }
}

export function seenStatusOf(raw: unknown): SeenStatus {
  const { metadata, status } = raw as {
    readonly metadata: { readonly resourceVersion: string; readonly generation?: number };
    readonly status?: Readonly<Record<string, unknown>>;
  };
  return { version: metadata.resourceVersion, generation: metadata.generation ?? 0, status: status ?? {} };
}
