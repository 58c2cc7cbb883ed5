// Custom kinds in OpenAPI documents: the schema of the definition, with what every object has beside it.

import type { CustomVersion } from '../../objects/custom/custom-version.ts';
import { objectOf } from '../../objects/json.ts';
import type { Resource } from '../../objects/resources.ts';

/** "com.example.v1.Widget". */
export function customName({ group, version, kind }: Resource): string {
  return [...group.split('.').reverse(), version, kind].join('.');
}

/** `metadata` is the reference to the schema of metadata. */
export function customSchema(resource: Resource, { openApi }: CustomVersion, metadata: object): object {
  const { group, version, kind } = resource;
  return {
    ...openApi,
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      ...objectOf(openApi['properties']),
      // A reference may carry nothing beside it: the reader would not see it.
      metadata: { allOf: [metadata] },
    },
    'x-kubernetes-group-version-kind': [{ group, version, kind }],
  };
}
