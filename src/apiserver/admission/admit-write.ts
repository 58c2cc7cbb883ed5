// A write before the admission policies: after its defaults and its validation, before it is stored.

import { hasCode } from '../../base/errors.ts';
import { judge, type AdmissionValues, type Denial } from '../../objects/admission/judge.ts';
import { matchedResource, type Asked, type RuledResource } from '../../objects/admission/match.ts';
import type { AdmissionBinding } from '../../objects/admission/policy.ts';
import { celOfJson } from '../../objects/cel/map.ts';
import { withinBounds } from '../../objects/custom/within-bounds.ts';
import { objectOf, textOf, type Draft } from '../../objects/json.ts';
import { apiVersionOf, type Resource } from '../../objects/resources.ts';
import type { ApiContext } from '../context.ts';
import type { ApiRequest, Target } from '../http/request.ts';
import { forbidden, StatusError } from '../http/status-error.ts';
import { paramsOf } from './params.ts';
import type { BoundPolicy } from './policies.ts';

/** As long as all that one policy says of one write may take. */
const MAX_JUDGING_MS = 1000;

export interface AdmittedWrite {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE';
  readonly object: Readonly<Draft> | undefined;
  readonly oldObject: Readonly<Draft> | undefined;
  readonly isDryRun: boolean;
  /** Of a subresource that has a kind of its own, such as Scale. */
  readonly kind?: { readonly group: string; readonly version: string; readonly kind: string };
}

/** Throws 422, or what its policy says, for a write that a policy refuses; tells the request what it warns of. */
export function admitWrite(
  context: ApiContext,
  request: ApiRequest,
  target: Target,
  write: AdmittedWrite,
): void {
  const bound = context.policies.inForce();
  if (bound.length === 0 || isExempt(target.resource)) return;
  new Admitter(context, request, target, write).admit(bound);
}

/** The same for what a client makes of a subresource, such as an Eviction: `object` is what it sent. */
export function admitSubresource(
  context: ApiContext,
  request: ApiRequest,
  target: Target,
  object: Readonly<Draft>,
): void {
  const { resource, subresource } = target;
  const own = resource.subresources.find(({ name }) => name === subresource);
  const [version = '', group = ''] = (own?.apiVersion ?? 'v1').split('/').reverse();
  admitWrite(context, request, target, {
    operation: 'CREATE',
    object,
    oldObject: undefined,
    isDryRun: request.query.has('dryRun'),
    kind: { group, version, kind: own?.kind ?? '' },
  });
}

/** Policies say nothing of policies: one that refuses its own end could never go. */
function isExempt({ group }: Resource): boolean {
  return group === 'admissionregistration.k8s.io';
}

/** One failure of one policy, by one of its bindings. */
interface Failure extends Denial {
  readonly policy: string;
  readonly binding: AdmissionBinding;
}

class Admitter {
  readonly #context: ApiContext;
  readonly #request: ApiRequest;
  readonly #target: Target;
  readonly #write: AdmittedWrite;
  readonly #asked: Asked;
  /** What expressions see, by the version in which they see it. */
  readonly #values = new Map<string, Omit<AdmissionValues, 'params'>>();

  constructor(context: ApiContext, request: ApiRequest, target: Target, write: AdmittedWrite) {
    this.#context = context;
    this.#request = request;
    this.#target = target;
    this.#write = write;
    this.#asked = askedOf(context, target, write);
  }

  admit(bound: readonly BoundPolicy[]): void {
    const failures = bound.flatMap((it) => this.#failuresOf(it));
    for (const { policy, binding, message } of failures)
      if (binding.actions.includes('Warn'))
        this.#request.onWarning?.(
          `Validation failed for ValidatingAdmissionPolicy '${policy}' with binding '${binding.name}': ${message}`,
        );
    this.#record(failures.filter(({ binding }) => binding.actions.includes('Audit')));
    const first = failures.find(({ binding }) => binding.actions.includes('Deny'));
    if (first !== undefined) throw this.#refusal(first);
  }

  #failuresOf({ compiled, bindings }: BoundPolicy): readonly Failure[] {
    const { policy } = compiled;
    const matched = matchedResource(policy.constraints, this.#asked);
    if (matched === undefined) return [];
    return bindings.flatMap((binding) => {
      if (
        binding.constraints !== undefined &&
        matchedResource(binding.constraints, this.#asked) === undefined
      )
        return [];
      const params = paramsOf(this.#context, policy, binding, this.#asked.namespace);
      const named = (denials: readonly Denial[]): Failure[] =>
        denials.map((denial) => ({ ...denial, policy: policy.name, binding }));
      if (params.kind === 'failed')
        return policy.failsClosed
          ? named([{ message: `failed to configure binding: ${params.message}`, reason: 'Invalid' }])
          : [];
      const objects = params.objects.map((it) => (it === undefined ? null : celOfJson(it)));
      return objects.flatMap((it) =>
        named(this.#judge(compiled, { ...this.#valuesIn(matched), params: it })),
      );
    });
  }

  #judge(compiled: BoundPolicy['compiled'], values: AdmissionValues): readonly Denial[] {
    const { policy } = compiled;
    try {
      const { denials, annotations } = withinBounds(MAX_JUDGING_MS, () => judge(compiled, values));
      for (const [key, value] of annotations) this.#request.onAnnotation?.(`${policy.name}/${key}`, value);
      return denials;
    } catch (error) {
      if (!hasCode(error, 'exhausted')) throw error;
      const message = `its expressions cannot be evaluated: ${error.message}`;
      return policy.failsClosed ? [{ message, reason: 'Invalid' }] : [];
    }
  }

  #valuesIn(matched: RuledResource): Omit<AdmissionValues, 'params'> {
    const version = apiVersionOf(matched);
    let values = this.#values.get(version);
    if (values === undefined) {
      const { object, oldObject, namespaceObject } = this.#asked;
      // A subresource's own kind is in one version only.
      const seen = (it: Readonly<Draft> | undefined): unknown =>
        celOfJson(it === undefined || this.#write.kind !== undefined ? it : { ...it, apiVersion: version });
      values = {
        object: seen(object),
        oldObject: seen(oldObject),
        namespaceObject: celOfJson(namespaceObject),
        request: celOfJson(requestOf(this.#request, this.#target, this.#write, this.#asked)),
      };
      this.#values.set(version, values);
    }
    return values;
  }

  #record(failures: readonly Failure[]): void {
    if (failures.length === 0) return;
    const told = failures.map(({ policy, binding, message }) => ({
      message,
      policy,
      binding: binding.name,
      validationActions: binding.actions,
    }));
    this.#request.onAnnotation?.(
      'validation.policy.admission.k8s.io/validation_failure',
      JSON.stringify(told),
    );
  }

  #refusal({ policy, binding, message, reason }: Failure): StatusError {
    const because = `ValidatingAdmissionPolicy '${policy}' with binding '${binding.name}' denied request: ${message}`;
    const { details, message: whole } = forbidden(this.#target.resource, this.#asked.name, because, [
      { message: because },
    ]);
    return new StatusError(CODES[reason] ?? 422, reason, whole, details);
  }
}

const CODES: Readonly<Record<string, number>> = {
  Unauthorized: 401,
  Forbidden: 403,
  RequestEntityTooLarge: 413,
};

function askedOf(context: ApiContext, target: Target, write: AdmittedWrite): Asked {
  const { resource, subresource = '' } = target;
  const { object, oldObject, operation } = write;
  const metadata = objectOf((object ?? oldObject)?.['metadata']);
  const isNamespace = resource.message === 'core.Namespace';
  const namespace = isNamespace ? '' : (target.namespace ?? '');
  const others = context.kinds
    .all()
    .filter((it) => it.storage === resource.storage && it.plural === resource.plural && it !== resource);
  return {
    operation,
    resources: [resource, ...others],
    subresource,
    name: target.name ?? textOf(metadata['name']) ?? '',
    namespace,
    object,
    oldObject,
    namespaceObject: namespace === '' ? undefined : context.store.get('namespaces', namespace)?.object,
  };
}

/** The AdmissionRequest (admission.k8s.io/v1) as expressions see it: empty fields are left out. */
function requestOf(
  request: ApiRequest,
  { resource, subresource }: Target,
  { operation, isDryRun, kind: ownKind }: AdmittedWrite,
  { name, namespace }: Asked,
): object {
  const { group, version, plural, kind } = resource;
  const of = ownKind ?? { group, version, kind };
  const what = { group, version, resource: plural };
  const { user } = request;
  // A namespace is in itself.
  const place = resource.message === 'core.Namespace' ? name : namespace;
  return {
    kind: of,
    resource: what,
    requestKind: of,
    requestResource: what,
    ...(subresource === undefined ? {} : { subResource: subresource, requestSubResource: subresource }),
    ...(name === '' ? {} : { name }),
    ...(place === '' ? {} : { namespace: place }),
    operation,
    userInfo: {
      username: user.name,
      ...(user.uid === undefined ? {} : { uid: user.uid }),
      groups: user.groups,
      ...(user.extra === undefined ? {} : { extra: user.extra }),
    },
    dryRun: isDryRun,
  };
}
