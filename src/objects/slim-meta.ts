// The part of metadata that the network needs, the same for every kind.

import { cidrOf, parseInterfaceAddress, type Cidr } from '../base/cidr.ts';
import { parseIp, type Ip } from '../base/ip.ts';
import type { Field } from './slim-field.ts';

/** Identity of an object; `namespace` is empty for kinds without one. */
export interface SlimMeta {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly labels: ReadonlyMap<string, string>;
}

export function readMeta(root: Field): SlimMeta {
  const metadata = root.at('metadata');
  return {
    namespace: metadata.at('namespace').optionalText() ?? '',
    name: metadata.at('name').text(),
    uid: metadata.at('uid').optionalText() ?? '',
    labels: metadata.at('labels').textMap(),
  };
}

/** Canonical key of a namespaced object: "shop/web". */
export function objectKey(object: { readonly namespace: string; readonly name: string }): string {
  return `${object.namespace}/${object.name}`;
}

export function readIp(field: Field): Ip {
  return field.parse((value) => parseIp(typeof value === 'string' ? value : String(value)));
}

/** A prefix as people write it and the API takes it: with spaces around it, and with bits beyond its length, which do not count. */
export function readPrefix(field: Field): Cidr {
  return field.parse((value) => {
    const { ip, prefixLength } = parseInterfaceAddress(String(value).trim());
    return cidrOf(ip, prefixLength);
  });
}
