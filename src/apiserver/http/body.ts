// Request bodies into drafts: JSON, YAML and the Kubernetes protobuf envelope, bounded in size and depth.

import { parseDocument } from 'yaml';
import { messageOf } from '../../base/errors.ts';
import { duplicateFields } from '../../objects/duplicate-fields.ts';
import { isObject, type Draft } from '../../objects/json.ts';
import { resourceOfKind } from '../../objects/resources.ts';
import { decodeMessage, KUBERNETES_PROTOBUF, readEnvelope } from '../../wire/kubernetes-protobuf.ts';
import { badRequest, StatusError, unsupportedMediaType } from './status-error.ts';

/** As much as a real API server takes. */
export const MAX_BODY_BYTES = 3 * 1024 * 1024;
const MAX_DEPTH = 128;

const YAML_TYPES = ['application/yaml', 'application/x-yaml', 'text/yaml'];

/** Kinds that have no resource of their own; they are options and parts of requests. */
const OTHER_MESSAGES: Readonly<Record<string, string>> = {
  'v1/Binding': 'core.Binding',
  'policy/v1/Eviction': 'policy.Eviction',
  'authentication.k8s.io/v1/TokenRequest': 'authentication.TokenRequest',
  'autoscaling/v1/Scale': 'autoscaling.Scale',
};

/** Media type without parameters; a body without one is JSON (kubectl 1.20 sends such). */
export function mediaTypeOf(header: string | undefined): string {
  const type = (header ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  return type === '' ? 'application/json' : type;
}

/** The object of a body; throws 400 where it is malformed, 415 for other media types. */
export function parseObject(bytes: Buffer, contentType: string | undefined): Draft {
  const type = mediaTypeOf(contentType);
  if (type === KUBERNETES_PROTOBUF) return parseProtobuf(bytes);
  if (type === 'application/json') return asObject(parseJson(bytes));
  if (YAML_TYPES.includes(type)) return asObject(parseYaml(bytes));
  throw unsupportedMediaType(type, ['application/json', 'application/yaml', KUBERNETES_PROTOBUF]);
}

/** Fields that a body names twice: of JSON, since YAML is refused then and protobuf has them by right. */
export function duplicatesIn(bytes: Buffer, contentType: string | undefined): readonly string[] {
  return mediaTypeOf(contentType) === 'application/json' ? duplicateFields(decodeText(bytes)) : [];
}

/** The JSON of a body, of any form. */
export function parseJson(bytes: Buffer): unknown {
  let value: unknown;
  try {
    value = JSON.parse(decodeText(bytes));
  } catch (error) {
    throw badRequest(`error decoding the body: ${messageOf(error)}`);
  }
  return bounded(value);
}

export function parseYaml(bytes: Buffer): unknown {
  try {
    // An alias may stand for a large part many times over; the limit stops such bombs.
    const document = parseDocument(decodeText(bytes), { strict: true });
    const [error] = document.errors;
    if (error !== undefined) throw error;
    return bounded(document.toJS({ maxAliasCount: 100 }));
  } catch (error) {
    throw badRequest(`error decoding YAML: ${messageOf(error)}`);
  }
}

function decodeText(bytes: Buffer): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
}

function parseProtobuf(bytes: Buffer): Draft {
  try {
    const { apiVersion, kind, raw } = readEnvelope(bytes);
    const message = messageOfKind(apiVersion, kind);
    if (message === undefined)
      throw badRequest(`no kind "${kind}" is registered for version "${apiVersion}"`);
    const object = { apiVersion, kind, ...decodeMessage(message, raw) };
    bounded(object);
    return object;
  } catch (error) {
    if (error instanceof StatusError) throw error;
    throw badRequest(`error decoding protobuf: ${messageOf(error)}`);
  }
}

/** Every group version has DeleteOptions of its own, all of one shape: typed clients of Go send that of what they delete. */
function messageOfKind(apiVersion: string, kind: string): string | undefined {
  if (kind === 'DeleteOptions') return 'meta.DeleteOptions';
  return resourceOfKind(apiVersion, kind)?.message ?? OTHER_MESSAGES[`${apiVersion}/${kind}`];
}

function asObject(value: unknown): Draft {
  if (isObject(value)) return value;
  throw badRequest('the body is not an object');
}

/** Refuses what is nested so deep that walking it would exhaust the stack. */
function bounded(value: unknown, depth = 0): unknown {
  if (depth > MAX_DEPTH) throw badRequest(`the body is nested deeper than ${MAX_DEPTH} levels`);
  if (Array.isArray(value)) for (const item of value) bounded(item, depth + 1);
  else if (isObject(value)) for (const key of Object.keys(value)) bounded(value[key], depth + 1);
  return value;
}
