// Reads a `prevResult` of any version into the inner form; what cannot be read is refused, never guessed.

import { CNI_ERROR, cniError } from './cni-error.ts';
import type { CniDns, CniInterface, CniIp, CniResult, CniRoute } from './result.ts';

type Json = Readonly<Record<string, unknown>>;

const ENTRIES_MAX = 4096;

/** Accepts the forms of 0.3.0 to 1.1.0 and the `ip4`/`ip6` form before them. Throws code 7 naming the field. */
export function parsePrevResult(value: unknown): CniResult {
  const document = object(value, 'prevResult');
  const old = [document['ip4'], document['ip6']].filter((it) => it !== undefined);
  if (old.length > 0) return oldResult(document, old);
  return {
    interfaces: list(document['interfaces'], 'prevResult.interfaces').map(parseInterface),
    ips: list(document['ips'], 'prevResult.ips').map(parseIpEntry),
    routes: list(document['routes'], 'prevResult.routes').map(parseRoute),
    dns: parseDns(document['dns']),
  };
}

function oldResult(document: Json, families: readonly unknown[]): CniResult {
  const parsed = families.map((it) => object(it, 'prevResult.ip4 or ip6'));
  return {
    interfaces: [],
    ips: parsed.map((it) => ({
      address: text(it['ip'], 'prevResult.ip4.ip'),
      gateway: optionalText(it['gateway'], 'prevResult.ip4.gateway'),
      interface: undefined,
    })),
    routes: parsed.flatMap((it) => list(it['routes'], 'prevResult.ip4.routes').map(parseRoute)),
    dns: parseDns(document['dns']),
  };
}

function parseInterface(value: unknown): CniInterface {
  const it = object(value, 'prevResult.interfaces[]');
  return {
    name: text(it['name'], 'prevResult.interfaces[].name'),
    mac: optionalText(it['mac'], 'prevResult.interfaces[].mac'),
    mtuBytes: optionalNumber(it['mtu'], 'prevResult.interfaces[].mtu'),
    sandbox: optionalText(it['sandbox'], 'prevResult.interfaces[].sandbox'),
    socketPath: optionalText(it['socketPath'], 'prevResult.interfaces[].socketPath'),
    pciId: optionalText(it['pciID'], 'prevResult.interfaces[].pciID'),
  };
}

function parseIpEntry(value: unknown): CniIp {
  const it = object(value, 'prevResult.ips[]');
  return {
    address: text(it['address'], 'prevResult.ips[].address'),
    gateway: optionalText(it['gateway'], 'prevResult.ips[].gateway'),
    interface: optionalNumber(it['interface'], 'prevResult.ips[].interface'),
  };
}

function parseRoute(value: unknown): CniRoute {
  const it = object(value, 'prevResult.routes[]');
  const number = (name: string): number | undefined =>
    optionalNumber(it[name], `prevResult.routes[].${name}`);
  return {
    dst: text(it['dst'], 'prevResult.routes[].dst'),
    gw: optionalText(it['gw'], 'prevResult.routes[].gw'),
    mtuBytes: number('mtu'),
    advmss: number('advmss'),
    priority: number('priority'),
    table: number('table'),
    scope: number('scope'),
  };
}

function parseDns(value: unknown): CniDns | undefined {
  if (value === undefined || value === null) return undefined;
  const it = object(value, 'prevResult.dns');
  const texts = (name: string): readonly string[] =>
    list(it[name], `prevResult.dns.${name}`).map((entry) => text(entry, `prevResult.dns.${name}[]`));
  return {
    nameservers: texts('nameservers'),
    domain: optionalText(it['domain'], 'prevResult.dns.domain'),
    search: texts('search'),
    options: texts('options'),
  };
}

function object(value: unknown, field: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad(field, 'no object');
  // An object that came from JSON.parse has text keys and unknown values.
  return value as Json;
}

function list(value: unknown, field: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw bad(field, 'no list');
  if (value.length > ENTRIES_MAX) throw bad(field, `longer than ${ENTRIES_MAX}`);
  return value;
}

function text(value: unknown, field: string): string {
  if (typeof value !== 'string') throw bad(field, 'no text');
  return value;
}

function optionalText(value: unknown, field: string): string | undefined {
  return value === undefined || value === null || value === '' ? undefined : text(value, field);
}

function optionalNumber(value: unknown, field: string): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Number.isInteger(value)) throw bad(field, 'no whole number');
  // Number.isInteger is true for numbers alone.
  return value as number;
}

function bad(field: string, cause: string): Error {
  return cniError(CNI_ERROR.invalidConfig, `Cannot use the network configuration: "${field}" is ${cause}`);
}
