// Entries of the zone from JSON: the door through which the feed and the file on disk come in. What does not parse is refused whole.

import { parseCidr, type Cidr } from '../base/cidr.ts';
import { FairleadError } from '../base/errors.ts';
import { shown } from '../base/shown.ts';
import { parseIp, type Ip } from '../base/ip.ts';
import { parsePort, parseProtocol } from '../base/port.ts';
import type { NamedEndpoint, NamedPort, NameEntry } from '../model/names.ts';

/** Lists of ports by their text: thousands of Services have the same few, and need only one of each in memory. */
export type KnownPorts = Map<string, readonly NamedPort[]>;

/** Reads an entry as `JSON.stringify` wrote it; throws `invalid` naming the field. `known` makes equal lists of ports one list. */
export function parseNameEntry(value: unknown, known: KnownPorts = new Map()): NameEntry {
  const raw = recordOf(value, 'entry');
  const namespace = parseLabel(raw['namespace'], 'namespace');
  if (raw['kind'] === 'pod') return { kind: 'pod', namespace, ip: parseIpOf(raw['ip']) };
  const service = parseLabel(raw['service'], 'service');
  switch (raw['kind']) {
    case 'cluster-ip': {
      const ips = listOf(raw['ips'], 'ips').map(parseIpOf);
      return { kind: 'cluster-ip', namespace, service, ips, ports: knownPorts(raw['ports'], known) };
    }
    case 'headless': {
      const endpoints = listOf(raw['endpoints'], 'endpoints').map((it) => parseEndpoint(it, known));
      return { kind: 'headless', namespace, service, endpoints };
    }
    case 'external':
      return { kind: 'external', namespace, service, target: textOf(raw['target'], 'target') };
    default:
      throw new FairleadError('invalid', `Cannot read zone: unknown kind "${shown(raw['kind'])}"`);
  }
}

export function parsePrefixes(value: unknown): readonly Cidr[] {
  return listOf(value, 'prefixes').map((it) => parseCidr(textOf(it, 'prefixes')));
}

export function recordOf(value: unknown, field: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new FairleadError('invalid', `Cannot read zone: ${field} is no object`);
  }
  // A non-null, non-array object; its values stay unknown.
  return value as Readonly<Record<string, unknown>>;
}

export function listOf(value: unknown, field: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new FairleadError('invalid', `Cannot read zone: ${field} is no list`);
  return value;
}

export function textOf(value: unknown, field: string): string {
  if (typeof value !== 'string') throw new FairleadError('invalid', `Cannot read zone: ${field} is no text`);
  return value;
}

export function revisionOf(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw new FairleadError('invalid', `Cannot read zone: "${shown(value)}" is no revision`);
  }
  return value;
}

/** One label, in lower case; what looks otherwise would make other names than the Service has. */
function parseLabel(value: unknown, field: string): string {
  const text = textOf(value, field);
  if (!/^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/.test(text)) {
    throw new FairleadError('invalid', `Cannot read zone: ${field} "${text}" is no label`);
  }
  return text.toLowerCase();
}

export function parseIpOf(value: unknown): Ip {
  return parseIp(textOf(value, 'ip'));
}

function parseEndpoint(value: unknown, known: KnownPorts): NamedEndpoint {
  const raw = recordOf(value, 'endpoint');
  const hostname = raw['hostname'] === undefined ? undefined : parseLabel(raw['hostname'], 'hostname');
  return { ip: parseIpOf(raw['ip']), hostname, ports: knownPorts(raw['ports'], known) };
}

/** So many different lists are remembered; a cluster with more has no need of it. */
const MAX_KNOWN_PORTS = 1000;

function knownPorts(value: unknown, known: KnownPorts): readonly NamedPort[] {
  const text = JSON.stringify(value) ?? '';
  const same = known.get(text);
  if (same !== undefined) return same;
  const ports = parsePorts(value);
  if (known.size < MAX_KNOWN_PORTS) known.set(text, ports);
  return ports;
}

function parsePorts(value: unknown): readonly NamedPort[] {
  return listOf(value, 'ports').map((it) => {
    const raw = recordOf(it, 'port');
    return {
      name: parseLabel(raw['name'], 'port name'),
      port: parsePort(raw['port']),
      protocol: parseProtocol(raw['protocol']),
    };
  });
}
