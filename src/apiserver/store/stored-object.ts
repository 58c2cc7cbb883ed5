// One revision of an object as the store keeps it: its bytes. What they say is read when somebody asks, and forgotten again when memory is short.

import type { KubeObject } from '../../objects/meta.ts';

export class StoredObject {
  readonly revision: number;
  /** "namespace/name" or "name". */
  readonly key: string;
  /** The bytes that every reader and watcher shares. */
  readonly json: Buffer;
  #object: WeakRef<KubeObject> | undefined;
  /** Kept, since lists select by them: mostly a few words. */
  #labels: KubeObject['metadata']['labels'] | null = null;

  private constructor(revision: number, key: string, json: Buffer) {
    this.revision = revision;
    this.key = key;
    this.json = json;
  }

  /** `json` says what `object` is. */
  static of(revision: number, key: string, object: KubeObject, json: Buffer): StoredObject {
    const stored = new StoredObject(revision, key, json);
    stored.#remember(object);
    return stored;
  }

  /** An object that was written before. */
  static read(revision: number, key: string, json: Buffer): StoredObject {
    return new StoredObject(revision, key, json);
  }

  /** Never changed by anybody; the same one as long as somebody has it. */
  get object(): KubeObject {
    return this.#object?.deref() ?? this.#remember(JSON.parse(this.json.toString()) as KubeObject); // Written by the store from a KubeObject.
  }

  get labels(): KubeObject['metadata']['labels'] {
    return this.#labels === null ? this.object.metadata.labels : this.#labels;
  }

  #remember(object: KubeObject): KubeObject {
    this.#object = new WeakRef(object);
    this.#labels = object.metadata.labels;
    return object;
  }
}
