// The published schemas of the API (npm kubernetes-models, @kubernetes-models/gateway-api): required fields, enumerations, formats and bounds of every kind.
// They are loaded when a kind is first written, so that a server starts without them.

import { getOwn, isObject, listOf, objectOf, type Draft } from '../json.ts';
import { invalidValue, notSupported, required, tooLong, tooMany, type FieldError } from './field-error.ts';

/** A compiled schema; it leaves its findings on itself (ajv's stand-alone form). */
interface SchemaCheck {
  (value: unknown): boolean;
  readonly errors?: readonly SchemaError[] | null;
}

interface SchemaError {
  readonly instancePath: string;
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** The schemas loaded so far; owned by the server, so that two servers share nothing. */
export class SchemaChecks {
  readonly #checks = new Map<string, SchemaCheck>();

  /** Makes the schema of a message ("core.Pod") ready; kinds without one pass. */
  async load(message: string): Promise<void> {
    if (this.#checks.has(message)) return;
    if (isCustom(message)) return;
    const module = (await import(moduleOf(message))) as { readonly validate: SchemaCheck };
    this.#checks.set(message, module.validate);
  }

  /** What the schema says of `object`; its status and the time of its creation are left out, the server's own parts write them. */
  check(message: string, object: Readonly<Draft>): readonly FieldError[] {
    const check = this.#checks.get(message);
    if (check === undefined) return [];
    const { status: _status, ...judged }: Draft = object;
    const { creationTimestamp: _time, ...metadata } = objectOf(judged['metadata']);
    judged['metadata'] = metadata;
    if (isGateway(message) && !isObject(judged['spec'])) return [required('spec')];
    if (check(isGateway(message) ? judged['spec'] : judged)) return [];
    const at = isGateway(message) ? '/spec' : '';
    const errors = (check.errors ?? []).map((it) => ({ ...it, instancePath: `${at}${it.instancePath}` }));
    const formats = new Set(
      errors.filter(({ keyword }) => keyword === 'format').map(({ instancePath }) => instancePath),
    );
    return errors.flatMap((error) => fieldError(error, judged, formats));
  }
}

/** Kinds that are custom resources elsewhere are not in what Kubernetes publishes: their rules say everything. */
function isCustom(message: string): boolean {
  const [group] = message.split('.', 1);
  return (
    ['fairlead', 'apiextensions', 'custom'].includes(group ?? '') || message === 'policy.ClusterNetworkPolicy'
  );
}

function isGateway(message: string): boolean {
  return message.startsWith('gateway.');
}

/** Kinds of the Gateway API have theirs apart, and of the specification alone: whole objects are bound to one version there. */
function moduleOf(message: string): string {
  const [group = '', kind = ''] = message.split('.');
  if (!isGateway(message))
    return `kubernetes-models/_schemas/IoK8sApi${group[0]?.toUpperCase() ?? ''}${group.slice(1)}V1${kind}`;
  const version = kind === 'TCPRoute' || kind === 'UDPRoute' ? 'V1alpha2' : 'V1';
  return `@kubernetes-models/gateway-api/_schemas/IoK8sSigsGatewayApiApis${version}${kind}Spec`;
}

function fieldError(
  { instancePath, keyword, params }: SchemaError,
  object: Readonly<Draft>,
  formats: ReadonlySet<string>,
): FieldError[] {
  const parts = partsOf(instancePath);
  const field = fieldOf(parts);
  const value = valueAt(object, parts);
  switch (keyword) {
    case 'required':
      return [
        required(
          field === '' ? String(params['missingProperty']) : `${field}.${String(params['missingProperty'])}`,
        ),
      ];
    case 'enum':
      return [notSupported(field, value, listOf(params['allowedValues']).map(String))];
    case 'format':
      return [invalidValue(field, value, `must be a valid ${String(params['format'])}`)];
    case 'type':
      // A quantity is tried as number and text: its format speaks for both.
      return formats.has(instancePath)
        ? []
        : [invalidValue(field, value, `must be of type ${String(params['type'])}`)];
    case 'maxLength':
      return [tooLong(field, Number(params['limit']))];
    case 'maxItems':
      return [tooMany(field, listOf(value).length, Number(params['limit']))];
    case 'maxProperties':
      return [tooMany(field, Object.keys(objectOf(value)).length, Number(params['limit']))];
    default:
      return boundError(field, value, { keyword, params });
  }
}

/** In the words of the API server's judge of schemas. */
function boundError(
  field: string,
  value: unknown,
  { keyword, params }: Pick<SchemaError, 'keyword' | 'params'>,
): FieldError[] {
  const limit = String(params['limit']);
  switch (keyword) {
    case 'pattern':
      return [invalidValue(field, value, `${field} in body should match '${String(params['pattern'])}'`)];
    case 'minLength':
      return [invalidValue(field, value, `${field} in body should be at least ${limit} chars long`)];
    case 'minItems':
      return [
        invalidValue(field, listOf(value).length, `${field} in body should have at least ${limit} items`),
      ];
    case 'minimum':
      return [invalidValue(field, value, `${field} in body should be greater than or equal to ${limit}`)];
    case 'maximum':
      return [invalidValue(field, value, `${field} in body should be less than or equal to ${limit}`)];
    default:
      return [];
  }
}

function partsOf(instancePath: string): readonly string[] {
  return instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** ["spec","containers","0"] -> "spec.containers[0]". */
function fieldOf(parts: readonly string[]): string {
  return parts.reduce(
    (path, part) => (/^\d+$/.test(part) ? `${path}[${part}]` : path === '' ? part : `${path}.${part}`),
    '',
  );
}

function valueAt(object: unknown, parts: readonly string[]): unknown {
  let at = object;
  for (const part of parts)
    at = Array.isArray(at) ? at[Number(part)] : isObject(at) ? getOwn(at, part) : undefined;
  return at ?? null;
}
