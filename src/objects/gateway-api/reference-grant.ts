// The slim ReferenceGrant: gateway.networking.k8s.io/v1 and v1beta1. It lets other namespaces' objects name some of its own.

import { Field } from '../slim-field.ts';
import type { GatewayMeta } from './common.ts';
import { readGatewayMeta } from './references.ts';

export interface ReferenceGrant extends GatewayMeta {
  readonly from: readonly { readonly group: string; readonly kind: string; readonly namespace: string }[];
  /** `name` undefined for all of the kind. */
  readonly to: readonly {
    readonly group: string;
    readonly kind: string;
    readonly name: string | undefined;
  }[];
}

/** Reads a ReferenceGrant; throws `invalid` naming the field. */
export function parseReferenceGrant(raw: unknown): ReferenceGrant {
  const root = Field.root('ReferenceGrant', raw);
  const spec = root.at('spec');
  return {
    ...readGatewayMeta(root),
    from: spec
      .at('from')
      .list()
      .map((it) => ({ ...readGroupKind(it), namespace: it.at('namespace').text() })),
    to: spec
      .at('to')
      .list()
      .map((it) => ({ ...readGroupKind(it), name: readName(it.at('name')) })),
  };
}

function readGroupKind(field: Field): { readonly group: string; readonly kind: string } {
  return { group: field.at('group').text(), kind: field.at('kind').text() };
}

/** An empty name is none: it must not be taken for one that nothing has, nor the other way round. */
function readName(field: Field): string | undefined {
  return field.value === '' ? field.fail('must not be empty') : field.optionalText();
}
