// The form of an answer that the Accept header asks for: plain objects, tables (kubectl get) or metadata alone.

import type { Resource } from '../../objects/resources.ts';
import { messageSchema } from '../../wire/kubernetes-protobuf-schema.ts';
import { KUBERNETES_PROTOBUF } from '../../wire/kubernetes-protobuf.ts';
import { notAcceptable } from './status-error.ts';

export type AnswerForm =
  | { readonly kind: 'plain' }
  /** meta.k8s.io Table of this version. */
  | { readonly kind: 'table'; readonly version: string }
  | { readonly kind: 'metadata'; readonly version: string }
  | { readonly kind: 'protobuf' };

/** What custom resources are read and written in. */
export const CUSTOM_TYPES = ['application/json', 'application/yaml'];

/** The first form of the header that is served for the resource, else JSON; throws 406 where nothing but a protobuf that there is not is asked for. */
export function answerForm(accept: string | undefined, resource: Resource): AnswerForm {
  const parts = (accept ?? '').split(',');
  for (const part of parts) {
    const [type = '', ...parameters] = part.split(';').map((text) => text.trim());
    const values = new Map(parameters.map((text) => text.split('=', 2) as [string, string]));
    if (type === KUBERNETES_PROTOBUF && !values.has('as') && hasProtobuf(resource))
      return { kind: 'protobuf' };
    if (type !== 'application/json') continue;
    const version = values.get('v') ?? 'v1';
    if (values.get('as') === 'Table') return { kind: 'table', version };
    if ((values.get('as') ?? '').startsWith('PartialObjectMetadata')) return { kind: 'metadata', version };
    if (!values.has('as')) return { kind: 'plain' };
  }
  if (!hasProtobuf(resource) && parts.every((part) => part.trim().startsWith(KUBERNETES_PROTOBUF)))
    throw notAcceptable(CUSTOM_TYPES);
  return { kind: 'plain' };
}

/** Custom resources have no protobuf, whoever serves them. */
export function hasProtobuf({ message, custom }: Resource): boolean {
  const isCustom =
    custom !== undefined ||
    message.startsWith('gateway.') ||
    message.startsWith('fairlead.') ||
    message === 'policy.ClusterNetworkPolicy';
  return !isCustom && messageSchema(message) !== undefined;
}
