// The API server's configuration file: one JSON object, read and checked once at start.

import { readFile } from 'node:fs/promises';
import { FairleadError, messageOf } from '../base/errors.ts';
import { parseCidr, type Cidr } from '../base/cidr.ts';
import { parseIp, type Ip } from '../base/ip.ts';
import { isPort } from '../base/port.ts';
import type { AuditConfig } from './audit/audit-log.ts';

export interface ListenAddress {
  readonly host: Ip;
  /** 0: a free one is chosen (tests). */
  readonly port: number;
}

export interface ApiServerConfig {
  /** SQLite file; made when absent. */
  readonly database: string;
  readonly listen: readonly ListenAddress[];
  /** PEM files of the serving certificate and key. */
  readonly certFile: string;
  readonly keyFile: string;
  /** PEM file of the authorities whose client certificates count; CN is the user, O are the groups. */
  readonly clientCaFile: string;
  /** Lines of `token,user,uid,"group1,group2"`. */
  readonly tokensFile?: string | undefined;
  /** PEM file of the private key by which service account tokens are signed. */
  readonly serviceAccountKeyFile: string;
  /** Unix socket of the kubelet part, for logs and exec. */
  readonly kubeletSocket: string;
  /** One or two prefixes; the first one's family is the default family of Services. */
  readonly serviceCidrs: readonly Cidr[];
  /** First and last port. */
  readonly nodePortRange: readonly [number, number];
  readonly clusterDomain: string;
  /** Services without ipFamilyPolicy get both families where both exist. */
  readonly defaultDualStack: boolean;
  /** Where pods reach this server: endpoint of the Service default/kubernetes. */
  readonly advertise: ListenAddress;
  /** Where writes and refusals are told; without it they are not. */
  readonly audit?: AuditConfig | undefined;
}

const AUDIT_BYTES = 16 * 1024 * 1024;
const AUDIT_FILES = 4;

/** Reads and checks a configuration file; throws `invalid` naming the file and the field. */
export async function readApiServerConfig(file: string): Promise<ApiServerConfig> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new FairleadError('invalid', `Cannot read configuration ${file}: ${messageOf(cause)}`, { cause });
  }
  try {
    return parseApiServerConfig(parsed);
  } catch (cause) {
    throw new FairleadError('invalid', `Cannot use configuration ${file}: ${messageOf(cause)}`, { cause });
  }
}

export function parseApiServerConfig(value: unknown): ApiServerConfig {
  const fields = recordOf(value, 'configuration');
  const [first = 30000, last = 32767] = numbersOf(fields['nodePortRange'] ?? [30000, 32767], 'nodePortRange');
  return {
    database: textOf(fields, 'database'),
    listen: listOf(fields['listen'], 'listen').map((item, i) => parseAddress(item, `listen[${i}]`)),
    certFile: textOf(fields, 'certFile'),
    keyFile: textOf(fields, 'keyFile'),
    clientCaFile: textOf(fields, 'clientCaFile'),
    tokensFile: fields['tokensFile'] === undefined ? undefined : textOf(fields, 'tokensFile'),
    serviceAccountKeyFile: textOf(fields, 'serviceAccountKeyFile'),
    kubeletSocket: textOf(fields, 'kubeletSocket'),
    serviceCidrs: listOf(fields['serviceCidrs'], 'serviceCidrs').map((item) => parseCidr(String(item))),
    nodePortRange: [first, last],
    clusterDomain: fields['clusterDomain'] === undefined ? 'cluster.local' : textOf(fields, 'clusterDomain'),
    defaultDualStack: fields['defaultDualStack'] === true,
    advertise: parseAddress(fields['advertise'], 'advertise'),
    audit: fields['audit'] === undefined ? undefined : parseAudit(fields['audit']),
  };
}

function parseAudit(value: unknown): AuditConfig {
  const fields = recordOf(value, 'audit');
  return {
    file: textOf(fields, 'file'),
    maxBytes: countOf(fields['maxBytes'] ?? AUDIT_BYTES, 'audit.maxBytes'),
    maxFiles: countOf(fields['maxFiles'] ?? AUDIT_FILES, 'audit.maxFiles'),
  };
}

function countOf(value: unknown, path: string): number {
  if (typeof value === 'number' && Number.isInteger(value) && value > 0) return value;
  throw new FairleadError('invalid', `${path} must be a whole number above 0`);
}

function parseAddress(value: unknown, path: string): ListenAddress {
  const fields = recordOf(value, path);
  const port = fields['port'];
  if (port !== 0 && !isPort(port)) throw new FairleadError('invalid', `${path}.port is no port`);
  return { host: parseIp(textOf(fields, 'host')), port };
}

function recordOf(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>; // Checked in this line; every field is checked where it is read.
  }
  throw new FairleadError('invalid', `${path} must be an object`);
}

function listOf(value: unknown, path: string): readonly unknown[] {
  if (Array.isArray(value) && value.length > 0) return value;
  throw new FairleadError('invalid', `${path} must be a list that is not empty`);
}

function numbersOf(value: unknown, path: string): readonly number[] {
  const list = listOf(value, path);
  const numbers = list.filter((item) => isPort(item));
  if (numbers.length !== 2 || list.length !== 2)
    throw new FairleadError('invalid', `${path} must be two ports`);
  return numbers;
}

function textOf(fields: Readonly<Record<string, unknown>>, name: string): string {
  const value = fields[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new FairleadError('invalid', `${name} must be a text that is not empty`);
}
