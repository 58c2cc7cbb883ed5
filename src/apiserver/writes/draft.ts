// A request's body as a draft of one kind: the right kind, known fields of the right types. Defaults and meaning come later.

import { DEFINITION_MESSAGE } from '../../objects/custom/definition.ts';
import { definitionWarnings } from '../../objects/custom/definition-status.ts';
import { checkFields, type FieldCheck } from '../../objects/field-check.ts';
import { isObject, objectOf, type Draft } from '../../objects/json.ts';
import { apiVersionOf, resourceOfKind, type Resource } from '../../objects/resources.ts';
import { messageSchema } from '../../wire/kubernetes-protobuf-schema.ts';
import { storedDraft } from '../reads/serve.ts';
import { badRequest } from '../http/status-error.ts';

/** What becomes of fields that the kind does not have. */
export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

export interface AcceptedDraft {
  readonly draft: Draft;
  /** For the client, as Warning headers. */
  readonly warnings: readonly string[];
}

/** The query's choice; Warn where it says nothing, as since Kubernetes 1.27. */
export function fieldValidationOf(query: URLSearchParams): FieldValidation {
  const asked = query.get('fieldValidation') ?? '';
  if (asked === '') return 'Warn';
  if (asked === 'Strict' || asked === 'Warn' || asked === 'Ignore') return asked;
  throw badRequest(
    `invalid fieldValidation "${asked.slice(0, 40)}": supported values: "Ignore", "Warn", "Strict"`,
  );
}

/** `body` as an object of `resource`, in its stored form; throws 400 for another kind, wrong types and (Strict) fields that are unknown or named twice. */
export function acceptDraft(
  resource: Resource,
  body: Draft,
  validation: FieldValidation,
  duplicates: readonly string[] = [],
): AcceptedDraft {
  const accepted = acceptConfig(resource, body, validation, duplicates);
  resource.custom?.fill(accepted.draft);
  return accepted;
}

/** The same for what is to be joined with an object: it has no defaults of its own. */
export function acceptConfig(
  resource: Resource,
  body: Draft,
  validation: FieldValidation,
  duplicates: readonly string[] = [],
): AcceptedDraft {
  checkKind(resource, body);
  body['metadata'] ??= {};
  const { unknown, mismatches } = checkDraft(resource, body);
  const wrongTypes = mismatches.map(({ field, message }) => `field "${field}": ${message}`);
  const doubts = [
    ...unknown.map((path) => `unknown field "${path}"`),
    ...duplicates.map((path) => `duplicate field "${path}"`),
  ];
  const refused = [...wrongTypes, ...(validation === 'Strict' ? strict(doubts) : [])];
  if (refused.length > 0 || !isObject(body['metadata'])) {
    const version = `${resource.kind} in version "${resource.version}" cannot be handled as a ${resource.kind}`;
    throw badRequest(`${version}: ${refused.slice(0, 20).join(', ')}`);
  }
  const warnings = validation === 'Warn' ? doubts : [];
  return { draft: storedDraft(resource, body), warnings: [...warnings, ...draftWarnings(resource, body)] };
}

function checkDraft(resource: Resource, body: Draft): FieldCheck {
  if (resource.custom !== undefined) return resource.custom.check(body);
  const schema = messageSchema(resource.message);
  if (schema === undefined) throw badRequest(`kind ${resource.kind} cannot be decoded`);
  return checkFields(schema, body);
}

/** What the client should know of an object that is fine. */
function draftWarnings({ custom, message }: Resource, body: Readonly<Draft>): readonly string[] {
  if (message === DEFINITION_MESSAGE) return definitionWarnings(body);
  return custom?.deprecation === undefined ? [] : [custom.deprecation];
}

function strict(doubts: readonly string[]): readonly string[] {
  return doubts.length === 0 ? [] : [`strict decoding error: ${doubts.join(', ')}`];
}

function checkKind(resource: Resource, body: Draft): void {
  const apiVersion = apiVersionOf(resource);
  body['apiVersion'] ??= apiVersion;
  body['kind'] ??= resource.kind;
  if (body['kind'] !== resource.kind || body['apiVersion'] !== apiVersion) {
    throw badRequest(otherKind(resource, String(body['apiVersion']), String(body['kind'])));
  }
}

/** What upstream says of a body of another kind: old clients pass it on to people (kubectl 1.20 of its `debug`). */
function otherKind(resource: Resource, apiVersion: string, kind: string): string {
  const [given, from] = [kind.slice(0, 80), apiVersion.slice(0, 80)];
  const because =
    resource.custom === undefined && resourceOfKind(apiVersion, kind) === undefined
      ? `no kind "${given}" is registered for version "${from}"`
      : `the path is of ${apiVersionOf(resource)}, Kind=${resource.kind}`;
  return `${given} in version "${from.split('/').pop() ?? ''}" cannot be handled as a ${resource.kind}: ${because}`;
}

/** The draft's metadata, to be changed in place. */
export function metadataOf(draft: Draft): Draft {
  const { metadata } = draft;
  if (isObject(metadata)) return metadata;
  const fresh: Draft = {};
  draft['metadata'] = fresh;
  return fresh;
}

/** A part of a draft as an object, made when it is absent. */
export function partOf(draft: Draft, name: string): Draft {
  const part = draft[name];
  if (isObject(part)) return part;
  const fresh: Draft = { ...objectOf(part) };
  draft[name] = fresh;
  return fresh;
}
