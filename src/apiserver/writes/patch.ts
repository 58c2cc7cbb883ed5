// PATCH: the patch applied to the stored object, then an update like any other.

import { messageOf } from '../../base/errors.ts';
import { isObject, type Draft } from '../../objects/json.ts';
import { applyJsonPatch } from '../../objects/patch/json-patch.ts';
import { applyMergePatch } from '../../objects/patch/merge-patch.ts';
import { applyStrategicMergePatch } from '../../objects/patch/strategic-merge-patch.ts';
import { messageSchema } from '../../wire/kubernetes-protobuf-schema.ts';
import { mediaTypeOf, parseJson, parseYaml } from '../http/body.ts';
import { badRequest, StatusError, unsupportedMediaType } from '../http/status-error.ts';

const JSON_PATCH = 'application/json-patch+json';
const MERGE_PATCH = 'application/merge-patch+json';
const STRATEGIC_PATCH = 'application/strategic-merge-patch+json';
const APPLY_PATCH = 'application/apply-patch+yaml';
const SUPPORTED = [JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH];
const SUPPORTED_OF_OBJECTS = [...SUPPORTED, APPLY_PATCH];

export interface Patch {
  readonly type: string;
  readonly value: unknown;
}

/** The patch of a body; throws 400 or 415. */
export function parsePatch(body: Buffer, contentType: string | undefined): Patch {
  const type = mediaTypeOf(contentType);
  if (!SUPPORTED.includes(type)) throw unsupportedMediaType(type, SUPPORTED_OF_OBJECTS);
  return { type, value: parseJson(body) };
}

/** True for a configuration to be applied by the server. */
export function isApply(contentType: string | undefined): boolean {
  return mediaTypeOf(contentType) === APPLY_PATCH;
}

/** The configuration of a body, YAML or JSON; throws 400. */
export function parseApplyBody(body: Buffer): Draft {
  const value = parseYaml(body);
  if (isObject(value)) return value;
  throw badRequest('the body is not an object');
}

/** `original` with the patch applied, as a draft of its own; `message` names its kind in the wire tables. */
export function applyPatch(message: string, original: unknown, patch: Patch): Draft {
  if (patch.type === STRATEGIC_PATCH && messageSchema(message) === undefined)
    throw unsupportedMediaType(STRATEGIC_PATCH, [JSON_PATCH, MERGE_PATCH]);
  let patched: unknown;
  try {
    patched = applied(message, original, patch);
  } catch (error) {
    // A test that fails and a path that is missing are the patch's content, not its form (RFC 5789 2.2).
    if (patch.type === JSON_PATCH) throw invalidPatch(messageOf(error));
    throw badRequest(messageOf(error));
  }
  if (!isObject(patched)) throw badRequest('the patch leaves no object');
  return ownDraft(patched);
}

/** What the patch did not touch is still shared with the stored object, which must never change. */
export function ownDraft(patched: Readonly<Draft>): Draft {
  return JSON.parse(JSON.stringify(patched)) as Draft; // An object, as it was.
}

/** kubectl before 1.24 shows the causes alone and not the message. */
function invalidPatch(because: string): StatusError {
  return new StatusError(
    422,
    'Invalid',
    `the server rejected our request due to an error in our request: ${because}`,
    { causes: [{ reason: 'UnexpectedServerResponse', message: because }] },
  );
}

function applied(message: string, original: unknown, { type, value }: Patch): unknown {
  if (type === JSON_PATCH) return applyJsonPatch(original, value);
  if (type === MERGE_PATCH) return applyMergePatch(original, value);
  const schema = messageSchema(message);
  if (schema === undefined || !isObject(original)) return applyMergePatch(original, value);
  return applyStrategicMergePatch(original, value, schema);
}
