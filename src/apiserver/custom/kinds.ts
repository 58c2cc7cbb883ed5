// Every kind that the server has: those built in, and those of the established definitions in the store.

import { isBuiltIn } from '../../objects/custom/definition-status.ts';
import { hasCondition, resourcesOf } from '../../objects/custom/definition.ts';
import { objectOf } from '../../objects/json.ts';
import { RESOURCES, type Resource } from '../../objects/resources.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { StoredObject } from '../store/stored-object.ts';

export const DEFINITIONS = 'customresourcedefinitions.apiextensions.k8s.io';

/** One definition as it is served. */
interface Served {
  readonly revision: number;
  /** What its resources are made of: another one makes other resources. */
  readonly origin: string;
  readonly resources: readonly Resource[];
  readonly replaced: AbortController;
}

export class Kinds {
  readonly #store: ObjectStore;
  #served = new Map<string, Served>();
  #all: readonly Resource[] = RESOURCES;
  #byPath: ReadonlyMap<string, Resource> = new Map();

  constructor(store: ObjectStore) {
    this.#store = store;
    this.refresh();
    store.subscribe(DEFINITIONS, () => this.refresh());
  }

  all(): readonly Resource[] {
    return this.#all;
  }

  /** The resource of a path's group, version and plural name. */
  find(group: string, version: string, plural: string): Resource | undefined {
    return this.#byPath.get(`${group}/${version}/${plural}`);
  }

  /** Aborted when the resource is served otherwise, or no longer; undefined for what is built in. */
  replaced(resource: Resource): AbortSignal | undefined {
    const served = this.#served.get(resource.storage);
    if (resource.custom === undefined) return undefined;
    return served?.resources.includes(resource) === true ? served.replaced.signal : AbortSignal.abort();
  }

  /** Brings the kinds to the definitions of the store. */
  refresh(): void {
    const before = this.#served;
    this.#served = new Map(
      this.#store
        .list(DEFINITIONS)
        .filter(({ object }) => !isBuiltIn(object) && hasCondition(object, 'Established'))
        .map((stored) => [stored.key, servedOf(stored, before.get(stored.key))]),
    );
    for (const [key, { replaced }] of before)
      if (this.#served.get(key)?.replaced !== replaced) replaced.abort();
    this.#all = [...RESOURCES, ...[...this.#served.values()].flatMap(({ resources }) => resources)];
    this.#byPath = new Map(this.#all.map((it) => [`${it.group}/${it.version}/${it.plural}`, it]));
  }
}

function servedOf(stored: StoredObject, before: Served | undefined): Served {
  if (before?.revision === stored.revision) return before;
  const { object, revision } = stored;
  const { spec, metadata, status } = object;
  const { acceptedNames } = objectOf(status);
  const origin = JSON.stringify([metadata.uid, spec, acceptedNames, metadata.deletionTimestamp]);
  if (before?.origin === origin) return { ...before, revision };
  return { revision, origin, resources: resourcesOf(object), replaced: new AbortController() };
}
