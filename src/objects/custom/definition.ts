// A CustomResourceDefinition as it is worked with, and the resources that its versions are served as.

import { getOwn, isObject, listOf, objectOf, textOf, type Draft } from '../json.ts';
import { ALL_VERBS, SCALE, status, type Resource } from '../resources.ts';
import { CustomVersion, type DefinitionObject } from './custom-version.ts';
import { compareVersions } from './version-order.ts';

export const DEFINITION_MESSAGE = 'apiextensions.CustomResourceDefinition';

/** Holds a definition up until its objects are gone. */
export const CLEANUP = 'customresourcecleanup.apiextensions.k8s.io';

export interface DefinitionNames {
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly listKind: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
}

/** The names that a definition asks for, or those that it got (status.acceptedNames). */
export function namesOf(value: unknown): DefinitionNames {
  const names = objectOf(value);
  const kind = textOf(names['kind']) ?? '';
  return {
    plural: textOf(names['plural']) ?? '',
    singular: textOf(names['singular']) ?? kind.toLowerCase(),
    kind,
    listKind: textOf(names['listKind']) ?? `${kind}List`,
    shortNames: listOf(names['shortNames']).map(String),
    categories: listOf(names['categories']).map(String),
  };
}

/** The versions of a definition, the one that clients should use first. */
export function versionsOf(definition: Readonly<Draft>): readonly Readonly<Draft>[] {
  const versions = listOf(objectOf(definition['spec'])['versions']).map(objectOf);
  return versions.toSorted((a, b) => compareVersions(textOf(a['name']) ?? '', textOf(b['name']) ?? ''));
}

/** True where the condition of the definition says so. */
export function hasCondition(definition: Readonly<Draft>, type: string): boolean {
  return listOf(objectOf(definition['status'])['conditions'])
    .map(objectOf)
    .some((it) => it['type'] === type && it['status'] === 'True');
}

/** What the definition's served versions are served as, under the names that it got: those it asks for, where no server has judged it yet. */
export function resourcesOf(definition: DefinitionObject): readonly Resource[] {
  return versionsOf(definition)
    .filter((version) => version['served'] === true)
    .map((version) => resourceOf(definition, version));
}

/** The resource that its objects are kept as. */
export function storedResourceOf(definition: DefinitionObject): Resource {
  const stored = versionsOf(definition).find((it) => it['storage'] === true);
  return resourceOf(definition, objectOf(stored));
}

function resourceOf(definition: DefinitionObject, version: Readonly<Draft>): Resource {
  const spec = objectOf(definition['spec']);
  const group = textOf(spec['group']) ?? '';
  const { acceptedNames } = objectOf(definition['status']);
  const { plural, singular, kind, shortNames, categories } = namesOf(acceptedNames ?? spec['names']);
  const subresources = objectOf(version['subresources']);
  const stored = versionsOf(definition).find((it) => it['storage'] === true);
  return {
    group,
    version: textOf(version['name']) ?? '',
    kind,
    plural,
    singular,
    shortNames,
    categories,
    isNamespaced: spec['scope'] === 'Namespaced',
    verbs: ALL_VERBS,
    subresources: [
      ...(isObject(getOwn(subresources, 'status')) ? [status(kind)] : []),
      ...(isObject(getOwn(subresources, 'scale')) ? [SCALE] : []),
    ],
    message: `custom.${plural}.${group}/${textOf(version['name']) ?? ''}`,
    storage: `${plural}.${group}`,
    storedVersion: `${group}/${textOf(stored?.['name']) ?? ''}`,
    hasGeneration: true,
    custom: new CustomVersion(definition, version),
  };
}
