// From the raw call of a runtime to a checked request: a union by verb. Knows the specification, not the kernel.

import type { AttachmentKey } from './attachment-names.ts';
import { CNI_ERROR, cniError } from './cni-error.ts';
import { parseNetworkConfig, type NetworkConfig } from './network-config.ts';
import type { RawCniRequest } from './frames.ts';
import type { PodNames } from './lease-store.ts';

/** What ADD, DEL and CHECK share. */
export interface AttachmentRequest {
  readonly key: AttachmentKey;
  /** Path of the pod's namespace; a DEL may come without. */
  readonly netns: string | undefined;
  /** From CNI_ARGS; undefined where the runtime is none of Kubernetes. */
  readonly pod: PodNames | undefined;
  readonly config: NetworkConfig;
}

export type CniRequest =
  | ({ readonly kind: 'ADD' | 'CHECK'; readonly netns: string } & Omit<AttachmentRequest, 'netns'>)
  | ({ readonly kind: 'DEL' } & AttachmentRequest)
  | { readonly kind: 'GC' | 'STATUS'; readonly config: NetworkConfig };

/** Longer ones do not fit into the alias of a link (IFALIASZ, 256 bytes). */
const CONTAINER_ID_MAX = 200;
const PATH_MAX = 4095;

/** Throws an error that carries the code of the specification. */
export function parseCniRequest(raw: RawCniRequest, config: NetworkConfig): CniRequest {
  switch (raw.command) {
    case 'ADD':
    case 'CHECK':
      return { kind: raw.command, ...attachmentOf(raw, config), netns: requireNetns(raw) };
    case 'DEL':
      return { kind: 'DEL', ...attachmentOf(raw, config) };
    case 'GC':
    case 'STATUS':
      return { kind: raw.command, config };
    default:
      throw invalidEnvironment('CNI_COMMAND', raw.command, 'it is no command of CNI');
  }
}

/** The configuration of a raw call; throws code 6 where it is no JSON, 1 and 7 as `parseNetworkConfig`. */
export function configOf(raw: RawCniRequest): NetworkConfig {
  let document: unknown;
  try {
    document = JSON.parse(raw.config);
  } catch (cause) {
    throw cniError(CNI_ERROR.decodingFailure, 'Cannot decode the network configuration: no JSON', { cause });
  }
  return parseNetworkConfig(document);
}

function attachmentOf(raw: RawCniRequest, config: NetworkConfig): AttachmentRequest {
  const key = { containerId: raw.containerId, ifname: raw.ifname };
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(key.containerId)) {
    throw invalidEnvironment(
      'CNI_CONTAINERID',
      key.containerId,
      'it must start with a letter or digit, then letters, digits, "_", "." and "-"',
    );
  }
  if (key.containerId.length > CONTAINER_ID_MAX) {
    throw invalidEnvironment(
      'CNI_CONTAINERID',
      key.containerId,
      `it is longer than ${CONTAINER_ID_MAX} characters`,
    );
  }
  const cause = badIfname(key.ifname);
  if (cause !== undefined) throw invalidEnvironment('CNI_IFNAME', key.ifname, cause);
  const netns = raw.netns === '' ? undefined : checkedNetns(raw.netns);
  return { key, netns, pod: podOf(parseCniArgs(raw.args)), config };
}

/** Why the kernel or the specification would refuse this interface name (dev_valid_name in net/core/dev.c). */
function badIfname(ifname: string): string | undefined {
  if (ifname === '') return 'it is not set';
  if (ifname === '.' || ifname === '..') return 'it is reserved';
  if (Buffer.byteLength(ifname) > 15) return 'it is longer than 15 bytes';
  // oxlint-disable-next-line no-control-regex -- control characters are what must be refused
  if (/[\s/:\u0000-\u0020\u007f]/.test(ifname)) return 'it holds "/", ":", space or a control character';
  return undefined;
}

function requireNetns(raw: RawCniRequest): string {
  if (raw.netns === '') throw invalidEnvironment('CNI_NETNS', raw.netns, 'it is not set');
  return checkedNetns(raw.netns);
}

function checkedNetns(netns: string): string {
  if (netns.startsWith('/') && netns.length <= PATH_MAX && !netns.includes('\0')) return netns;
  throw invalidEnvironment('CNI_NETNS', netns, 'it is no absolute path');
}

/** "A=1;B=2"; entries without "=" are an error of the specification's form. */
export function parseCniArgs(text: string): ReadonlyMap<string, string> {
  const args = new Map<string, string>();
  for (const pair of text.split(';')) {
    if (pair === '') continue;
    const at = pair.indexOf('=');
    if (at <= 0) throw invalidEnvironment('CNI_ARGS', pair, 'it is no "name=value"');
    args.set(pair.slice(0, at), pair.slice(at + 1));
  }
  return args;
}

function podOf(args: ReadonlyMap<string, string>): PodNames | undefined {
  const namespace = args.get('K8S_POD_NAMESPACE');
  const name = args.get('K8S_POD_NAME');
  if (namespace === undefined || name === undefined) return undefined;
  return { namespace, name, uid: args.get('K8S_POD_UID') ?? '' };
}

function invalidEnvironment(variable: string, value: string, cause: string): Error {
  const shown = value.length > 80 ? `${value.slice(0, 80)}...` : value;
  return cniError(
    CNI_ERROR.invalidEnvironment,
    `Cannot serve the request: ${variable} "${shown}" is invalid: ${cause}`,
  );
}
