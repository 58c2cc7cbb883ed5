// Names and Ethernet addresses that follow from an attachment's key alone, so that DEL and GC need no memory.

import { createHash } from 'node:crypto';
import { macFromSeed, type Mac } from '../base/mac.ts';

/** What a runtime identifies an attachment by: the container and the interface inside of it. */
export interface AttachmentKey {
  readonly containerId: string;
  readonly ifname: string;
}

/** Canonical text of a key; neither part can hold a slash. */
export function attachmentKeyText(key: AttachmentKey): string {
  return `${key.containerId}/${key.ifname}`;
}

/** Name of the host side of the pod's veth: 13 of the 15 characters that the kernel allows, 44 bits of hash. */
export function hostLinkName(key: AttachmentKey): string {
  return `fl${createHash('sha256').update(attachmentKeyText(key)).digest('hex').slice(0, 11)}`;
}

/** IFLA_IFALIAS (up to 255 bytes) of the host side: marks it as ours and tells whose it is. */
export function hostLinkAlias(key: AttachmentKey): string {
  return `fairlead ${key.containerId} ${key.ifname}`;
}

/** The inverse of `hostLinkAlias`, undefined for a link that is not ours. */
export function attachmentKeyOfAlias(alias: string | undefined): AttachmentKey | undefined {
  const match = /^fairlead ([^ ]+) ([^ ]+)$/.exec(alias ?? '');
  return match?.[1] === undefined || match[2] === undefined
    ? undefined
    : { containerId: match[1], ifname: match[2] };
}

/** Ethernet addresses of both ends. */
export function attachmentMacs(key: AttachmentKey): { readonly host: Mac; readonly pod: Mac } {
  const text = attachmentKeyText(key);
  return { host: macFromSeed(`veth-host/${text}`), pod: macFromSeed(`veth-pod/${text}`) };
}
