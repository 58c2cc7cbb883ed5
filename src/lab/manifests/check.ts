// Judges manifests as the API server would, without one: the same fields, defaults and rules, and what only the whole set shows.

import { applyDefaults } from '../../objects/defaults/defaults.ts';
import { checkFields, type FieldCheck } from '../../objects/field-check.ts';
import type { Draft } from '../../objects/json.ts';
import { SchemaChecks } from '../../objects/validation/schema.ts';
import type { Resource } from '../../objects/resources.ts';
import { validateObject } from '../../objects/validation/validate.ts';
import { messageSchema } from '../../wire/kubernetes-protobuf-schema.ts';
import { complain, type Complaint } from './complaint.ts';
import { withNamespace, type ResolvedManifest } from './resolve.ts';

/** Unknown fields, wrong types, invalid values and objects that stand twice; what an update may not change is the server's to say. */
export async function checkObjects(
  resolved: readonly ResolvedManifest[],
  schemas: SchemaChecks = new SchemaChecks(),
): Promise<readonly Complaint[]> {
  const complaints: Complaint[] = [...checkTwice(resolved)];
  for (const it of resolved) {
    await schemas.load(it.resource.message);
    complaints.push(...checkObject(it, schemas));
  }
  return complaints;
}

function checkObject(it: ResolvedManifest, schemas: SchemaChecks): readonly Complaint[] {
  const { manifest, resource } = it;
  // The checks write into what they are given.
  const draft: Draft = { ...structuredClone(withNamespace(it)) };
  const { unknown, mismatches } = checkDraft(resource, draft);
  const found = [
    ...unknown.map((field) => complain(manifest, field, 'unknown field')),
    ...mismatches.map(({ field, message }) => complain(manifest, field, message)),
  ];
  // Rules may count on types: where one is wrong, they are asked once it is mended.
  if (mismatches.length > 0) return found;
  applyDefaults(resource.message, draft);
  resource.custom?.fill(draft);
  const errors = validateObject(resource.message, draft, { schemas, custom: resource.custom });
  return [...found, ...errors.map(({ field, message }) => complain(manifest, field, message))];
}

function checkDraft({ custom, message, kind }: Resource, draft: Draft): FieldCheck {
  if (custom !== undefined) return custom.check(draft);
  const schema = messageSchema(message);
  if (schema !== undefined) return checkFields(schema, draft);
  return { unknown: [], mismatches: [{ field: 'kind', message: `a ${kind} cannot be decoded` }] };
}

function checkTwice(resolved: readonly ResolvedManifest[]): readonly Complaint[] {
  const seen = new Map<string, ResolvedManifest>();
  return resolved.flatMap((it) => {
    const { namespace = '', name } = withNamespace(it).metadata;
    const key = `${it.resource.storage} ${it.resource.isNamespaced ? namespace : ''}/${name}`;
    const first = seen.get(key);
    if (first === undefined) {
      seen.set(key, it);
      return [];
    }
    const { file, line } = first.manifest;
    return [complain(it.manifest, 'metadata.name', `the same object stands at ${file}:${line} already`)];
  });
}

/** Objects whose namespace neither exists (`existing`) nor comes with the set. */
export function checkNamespaces(
  resolved: readonly ResolvedManifest[],
  existing: Iterable<string>,
): readonly Complaint[] {
  const known = new Set(existing);
  for (const { manifest, resource } of resolved)
    if (resource.message === 'core.Namespace') known.add(manifest.object.metadata.name);
  return resolved.flatMap((it) => {
    const { namespace } = withNamespace(it).metadata;
    if (!it.resource.isNamespaced || namespace === undefined || known.has(namespace)) return [];
    const reason = `namespace "${namespace}" neither exists nor is in these manifests`;
    return [complain(it.manifest, 'metadata.namespace', reason)];
  });
}
