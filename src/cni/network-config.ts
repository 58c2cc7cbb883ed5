// The network configuration that a runtime writes to standard input: parsed once, bounded, unknown fields left alone.

import type { AttachmentKey } from './attachment-names.ts';
import { CNI_ERROR, cniError } from './cni-error.ts';
import { parsePrevResult } from './prev-result.ts';
import type { CniDns, CniResult } from './result.ts';
import { CNI_VERSIONS, isCniVersion, type CniVersion } from './versions.ts';

/** What the verbs read of a configuration. */
export interface NetworkConfig {
  readonly cniVersion: CniVersion;
  readonly name: string;
  readonly dns: CniDns | undefined;
  /** Result of the plugin before in the chain (ADD) or of the last ADD (CHECK, DEL). */
  readonly prevResult: CniResult | undefined;
  /** GC: attachments of this network that still exist; undefined where the runtime gave no list. */
  readonly validAttachments: readonly AttachmentKey[] | undefined;
}

type Json = Readonly<Record<string, unknown>>;

/** Throws code 1 for a version not spoken, 2 for a field that would be ignored against the writer's intent, 7 for a bad one. */
export function parseNetworkConfig(document: unknown): NetworkConfig {
  if (!isObject(document)) throw invalidConfig('it is no JSON object');
  const cniVersion = parseVersion(document['cniVersion']);
  const name = document['name'];
  if (typeof name !== 'string' || !/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/.test(name)) {
    throw invalidConfig(`"name" ${JSON.stringify(name)} is no network name`);
  }
  if (document['ipam'] !== undefined && !isEmptyObject(document['ipam'])) {
    throw cniError(
      CNI_ERROR.unsupportedField,
      `Cannot use the network configuration: field "ipam" with value ${JSON.stringify(document['ipam']).slice(0, 200)} is not supported, Fairlead manages the addresses itself`,
    );
  }
  return {
    cniVersion,
    name,
    dns: parseDns(document['dns']),
    prevResult: document['prevResult'] === undefined ? undefined : parsePrevResult(document['prevResult']),
    validAttachments: parseAttachments(
      document['cni.dev/valid-attachments'] ?? document['cni.dev/attachments'],
    ),
  };
}

/** The version a document asks for; absent means 0.1.0, as runtimes of that age wrote none. Throws code 1. */
export function parseVersion(value: unknown): CniVersion {
  if (value === undefined || value === '') return '0.1.0';
  if (typeof value === 'string' && isCniVersion(value)) return value;
  throw cniError(
    CNI_ERROR.incompatibleVersion,
    `Cannot serve the request: CNI version ${JSON.stringify(value)} is not supported, only ${CNI_VERSIONS.join(', ')}`,
  );
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isEmptyObject(value: unknown): boolean {
  return isObject(value) && Object.keys(value).length === 0;
}

function parseDns(value: unknown): CniDns | undefined {
  if (value === undefined) return undefined;
  if (!isObject(value)) throw invalidConfig('"dns" is no object');
  const domain = value['domain'];
  if (domain !== undefined && typeof domain !== 'string') throw invalidConfig('"dns.domain" is no text');
  return {
    nameservers: texts(value['nameservers'], 'dns.nameservers'),
    domain,
    search: texts(value['search'], 'dns.search'),
    options: texts(value['options'], 'dns.options'),
  };
}

function texts(value: unknown, field: string): readonly string[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value) && value.every((it) => typeof it === 'string')) return value;
  throw invalidConfig(`"${field}" is no list of texts`);
}

function parseAttachments(value: unknown): readonly AttachmentKey[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) throw invalidConfig('"cni.dev/valid-attachments" is no list');
  return value.map((it: unknown) => {
    if (!isObject(it) || typeof it['containerID'] !== 'string' || typeof it['ifname'] !== 'string') {
      throw invalidConfig('"cni.dev/valid-attachments" holds an entry without containerID and ifname');
    }
    return { containerId: it['containerID'], ifname: it['ifname'] };
  });
}

function invalidConfig(cause: string): Error {
  return cniError(CNI_ERROR.invalidConfig, `Cannot use the network configuration: ${cause}`);
}
