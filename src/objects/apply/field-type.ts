// How fields may be owned one by one: the types of structured merge, made from the wire tables and a short list of facts that those do not have.
// Semantics: sigs.k8s.io/structured-merge-diff, "listType", "mapType" of the API's definitions.

import { messageSchema, type FieldType, type MessageField } from '../../wire/kubernetes-protobuf-schema.ts';
import { isObject } from '../json.ts';

/** What identifies the elements of a list: nothing (the list is owned whole), their values, or some of their fields. */
export type ListElements =
  | 'atomic'
  | 'set'
  | { readonly keys: readonly string[]; readonly defaults: Readonly<Record<string, unknown>> };

export type OwnedType =
  /** Owned whole: scalars, and objects that mean something only as a whole. */
  | { readonly kind: 'leaf' }
  /** Fields with names of their own, or keys of a map. */
  | { readonly kind: 'object'; readonly isMap: boolean; childOf(key: string): OwnedType }
  | { readonly kind: 'list'; readonly elements: ListElements; element(): OwnedType }
  /** Whatever the value is: objects by their keys, lists whole. */
  | { readonly kind: 'deduced' };

export const LEAF = { kind: 'leaf' } as const;
export const DEDUCED = { kind: 'deduced' } as const;
const DEDUCED_MAP: ResolvedType = { kind: 'object', isMap: true, childOf: () => DEDUCED };

export type ResolvedType = Exclude<OwnedType, { kind: 'deduced' }>;

/** The type of a value where the schema leaves it open. */
export function resolvedType(type: OwnedType, value: unknown): ResolvedType {
  if (type.kind === 'deduced') return isObject(value) ? DEDUCED_MAP : LEAF;
  if (type.kind === 'object' && !isObject(value)) return LEAF;
  return type.kind === 'list' && !Array.isArray(value) ? LEAF : type;
}

const KNOWN = new Map<string, OwnedType>();

/** Of a message of the wire tables ("apps.Deployment"); what they do not know is deduced from values. */
export function ownedTypeOf(message: string): OwnedType {
  let type = KNOWN.get(message);
  if (type === undefined) {
    type = makeType(message);
    KNOWN.set(message, type);
  }
  return type;
}

function makeType(message: string): OwnedType {
  const schema = messageSchema(message);
  if (schema === undefined) return DEDUCED;
  if (ATOMIC.has(message)) return LEAF;
  const children = new Map<string, OwnedType>();
  return {
    kind: 'object',
    isMap: false,
    childOf: (key) => {
      let child = children.get(key);
      if (child === undefined) {
        const field = schema.byName.get(key);
        child = field === undefined ? DEDUCED : fieldType(field, `${message}.${key}`);
        children.set(key, child);
      }
      return child;
    },
  };
}

function fieldType(field: MessageField, path: string): OwnedType {
  if (ATOMIC.has(path)) return LEAF;
  const inner = (): OwnedType => valueType(field.type);
  if (field.shape === 'map') return { kind: 'object', isMap: true, childOf: inner };
  if (field.shape === 'list') return { kind: 'list', elements: elementsOf(field, path), element: inner };
  return inner();
}

function valueType(type: FieldType): OwnedType {
  if (type.kind === 'message') return ownedTypeOf(type.message);
  return type.kind === 'raw' ? DEDUCED : LEAF;
}

function elementsOf({ mergeKey }: MessageField, path: string): ListElements {
  const known = ELEMENTS[path];
  if (known !== undefined) return known;
  if (mergeKey === undefined) return 'atomic';
  return mergeKey === '' ? 'set' : { keys: [mergeKey], defaults: {} };
}

/** A missing protocol is TCP. */
function portAnd(key: string): ListElements {
  return { keys: [key, 'protocol'], defaults: { protocol: 'TCP' } };
}

function by(...keys: readonly string[]): ListElements {
  return { keys: [...keys].sort(), defaults: {} };
}

/** Where structured merge and strategic merge differ. */
const ELEMENTS: Readonly<Record<string, ListElements>> = {
  'core.Container.ports': portAnd('containerPort'),
  'core.EphemeralContainerCommon.ports': portAnd('containerPort'),
  'core.EphemeralContainer.ports': portAnd('containerPort'),
  'core.ServiceSpec.ports': portAnd('port'),
  'core.PodSpec.topologySpreadConstraints': by('topologyKey', 'whenUnsatisfiable'),
  'core.ServiceAccount.imagePullSecrets': 'atomic',
  'core.ResourceRequirements.claims': by('name'),
  'gateway.GatewaySpec.listeners': by('name'),
  'gateway.GatewayStatus.listeners': by('name'),
  'gateway.ListenerStatus.conditions': by('type'),
  'gateway.GatewayStatus.conditions': by('type'),
  'gateway.RouteParentStatus.conditions': by('type'),
  'gateway.PolicyAncestorStatus.conditions': by('type'),
  'gateway.ListenerSetSpec.listeners': by('name'),
  'gateway.ListenerSetStatus.listeners': by('name'),
  'gateway.ListenerSetStatus.conditions': by('type'),
};

/** Messages and fields that are owned whole ("mapType=atomic"). */
const ATOMIC: ReadonlySet<string> = new Set([
  'meta.LabelSelector',
  'meta.OwnerReference',
  'core.ConfigMapKeySelector',
  'core.EndpointAddress',
  'core.EndpointPort',
  'core.LocalObjectReference',
  'core.NodeSelector',
  'core.NodeSelectorTerm',
  'core.ObjectFieldSelector',
  'core.ObjectReference',
  'core.PodSpec.nodeSelector',
  'core.ReplicationControllerSpec.selector',
  'core.ResourceFieldSelector',
  'core.ScopeSelector',
  'core.SecretKeySelector',
  'core.SecretReference',
  'core.ServiceSpec.selector',
  'core.TopologySelectorTerm',
  'core.TypedLocalObjectReference',
  'autoscaling.CrossVersionObjectReference',
  'discovery.EndpointPort',
  'networking.ServiceBackendPort',
  'rbac.RoleRef',
  'rbac.Subject',
]);
