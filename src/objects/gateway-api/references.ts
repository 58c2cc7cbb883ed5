// Reading what the kinds of gateway.networking.k8s.io share: metadata and references, with the groups and kinds that they leave out.

import { parsePort, type Port } from '../../base/port.ts';
import type { Field } from '../slim-field.ts';
import { readMeta } from '../slim-meta.ts';
import {
  GATEWAY_GROUP,
  type BackendRef,
  type GatewayMeta,
  type ObjectRef,
  type ParentRef,
} from './common.ts';

export const MAX_WEIGHT = 1_000_000;

export function readGatewayMeta(root: Field): GatewayMeta {
  const metadata = root.at('metadata');
  return {
    ...readMeta(root),
    generation: metadata.at('generation').optionalInteger() ?? 0,
    createdAt: metadata.at('creationTimestamp').optionalText() ?? '',
  };
}

/** What a reference says by saying nothing. */
interface Unsaid {
  readonly group?: string;
  readonly kind?: string;
  /** Of the object that refers; '' where what it names has none. */
  readonly namespace: string;
}

export const SECRET = { group: '', kind: 'Secret' } as const;
const GATEWAY = { group: GATEWAY_GROUP, kind: 'Gateway' } as const;
const SERVICE = { group: '', kind: 'Service' } as const;

/** Group and kind must be there where `unsaid` has none. */
export function readRef(field: Field, unsaid: Unsaid): ObjectRef {
  const [group, kind] = [field.at('group'), field.at('kind')];
  return {
    group: group.isAbsent ? (unsaid.group ?? group.text()) : group.text(),
    kind: kind.isAbsent ? (unsaid.kind ?? kind.text()) : kind.text(),
    namespace: field.at('namespace').optionalText() ?? unsaid.namespace,
    name: field.at('name').text(),
  };
}

export function optionalRef(field: Field, unsaid: Unsaid): ObjectRef | undefined {
  return field.isAbsent ? undefined : readRef(field, unsaid);
}

export function readParents(spec: Field, namespace: string): readonly ParentRef[] {
  return spec
    .at('parentRefs')
    .list()
    .map((it) => readParent(it, namespace));
}

/** A Gateway, unless it says otherwise; sections and ports are a route's alone. */
export function readParent(field: Field, namespace: string): ParentRef {
  return {
    ...readRef(field, { ...GATEWAY, namespace }),
    sectionName: field.at('sectionName').optionalText(),
    port: optionalPort(field.at('port')),
  };
}

/** A Service, unless it says otherwise. */
export function readBackend(field: Field, namespace: string): BackendRef {
  return {
    ...readRef(field, { ...SERVICE, namespace }),
    port: optionalPort(field.at('port')),
    weight: readWeight(field.at('weight')),
  };
}

function readWeight(field: Field): number {
  const weight = field.optionalInteger() ?? 1;
  return weight >= 0 && weight <= MAX_WEIGHT ? weight : field.fail(`must be from 0 to ${MAX_WEIGHT}`);
}

export function optionalPort(field: Field): Port | undefined {
  return field.isAbsent ? undefined : field.parse(parsePort);
}

export function readHostnames(spec: Field): readonly string[] {
  return spec
    .at('hostnames')
    .list()
    .map((it) => it.text().toLowerCase());
}

export function optionalLowerCase(field: Field): string | undefined {
  return field.optionalText()?.toLowerCase();
}

export function texts(field: Field): readonly string[] {
  return field.list().map((it) => it.text());
}
