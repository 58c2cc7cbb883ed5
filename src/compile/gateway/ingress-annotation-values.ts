// The single values of annotations, as people write them; undefined for what is none. Written by users, and on their way into a proxy: bounded and whole, or not taken.

import { cidrOf, hostCidr, parseInterfaceAddress, type Cidr } from '../../base/cidr.ts';
import { FairleadError } from '../../base/errors.ts';
import { parseIp } from '../../base/ip.ts';
import { isPort, parsePort } from '../../base/port.ts';
import type { NamedServicePort, Redirect } from './ingress-options.ts';

const MAX_TEXT = 2048;
const MAX_LIST = 1000;
const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1 << 10, m: 1 << 20, g: 1 << 30 };

export function booleanOf(text: string): boolean | undefined {
  if (/^(?:true|1|t)$/i.test(text)) return true;
  return /^(?:false|0|f)$/i.test(text) ? false : undefined;
}

/** "8m"; 0 for no limit. */
export function bytesOf(text: string): number | undefined {
  const match = /^(\d{1,12})([kmg]?)$/i.exec(text.trim());
  return match === null ? undefined : Number(match[1]) * (UNITS[(match[2] ?? '').toLowerCase()] ?? 1);
}

export function secondsOf(text: string): number | undefined {
  const match = /^(\d{1,6})s?$/.exec(text.trim());
  return match === null ? undefined : Number(match[1]);
}

/** A path that requests get: visible ASCII without query and fragment. */
export function pathOf(text: string): string | undefined {
  return text.length <= MAX_TEXT && /^\/[!-"$->@-~]*$/.test(text) ? text : undefined;
}

/** Visible ASCII. */
export function wordOf(text: string): string | undefined {
  return text.length <= MAX_TEXT && /^[!-~]+$/.test(text) ? text : undefined;
}

/** Names of headers of HTTP; undefined where one of them is none, or there is none at all. */
export function headerNamesOf(text: string): readonly string[] | undefined {
  const names = listOf(text).map((it) => it.toLowerCase());
  return names.length > 0 && names.every((it) => /^[a-z0-9_-]{1,128}$/.test(it)) ? names : undefined;
}

/** Those of nginx that `lua/auth-request.lua` knows. */
const VARIABLES = new Set([
  'scheme',
  'pass_access_scheme',
  'host',
  'http_host',
  'best_http_host',
  'request_uri',
  'escaped_request_uri',
  'request_method',
  'remote_addr',
]);

/** Visible ASCII in which "$name" stands for what the request says; undefined where a variable is not known. */
export function templateOf(text: string): string | undefined {
  const word = wordOf(text);
  const isKnown = [...(word ?? '').matchAll(/\$(\w*)/g)].every(([, name = '']) => VARIABLES.has(name));
  return isKnown ? word : undefined;
}

/** "web.shop.svc.cluster.local", with or without the cluster's own domain; by the scheme's port where none is named. */
export function serviceOf(
  host: string,
  port: string | undefined,
  isTls: boolean,
): NamedServicePort | undefined {
  const number = port === undefined ? (isTls ? 443 : 80) : Number(port);
  const match = /^([a-z0-9-]{1,63})\.([a-z0-9-]{1,63})\.svc(?:\.cluster\.local)?$/.exec(host);
  const [, name, namespace] = match ?? [];
  if (name === undefined || namespace === undefined || !isPort(number)) return undefined;
  return { namespace, name, port: number };
}

export function listOf(text: string): readonly string[] {
  return text
    .slice(0, MAX_TEXT * 16)
    .split(',')
    .map((it) => it.trim())
    .filter((it) => it !== '')
    .slice(0, MAX_LIST);
}

/** Regular expressions ("~...") are no names. */
export function hostsOf(text: string): readonly string[] | undefined {
  const names = listOf(text).map((it) => it.toLowerCase());
  return names.length > 0 && names.every((it) => /^(?:\*\.)?[a-z0-9.-]{1,253}$/.test(it)) ? names : undefined;
}

/** Undefined where one of them is no prefix or address, or there is none at all. */
export function cidrsOf(text: string): readonly Cidr[] | undefined {
  const parts = text.split(',').map((it) => it.trim());
  if (parts.length > MAX_LIST) return undefined;
  try {
    return parts.map((it) => (it.includes('/') ? prefixOf(it) : hostCidr(parseIp(it))));
  } catch (error) {
    if (error instanceof FairleadError && error.code === 'invalid') return undefined;
    throw error;
  }
}

/** Bits beyond the length do not count. */
function prefixOf(text: string): Cidr {
  const { ip, prefixLength } = parseInterfaceAddress(text);
  return cidrOf(ip, prefixLength);
}

/** "https://new.example.com/x"; `$request_uri` at its end leaves path and query as they are. Other variables of nginx are not known. */
export function redirectOf(text: string, statusCode: number): Redirect | undefined {
  const keepsPath = text.endsWith('$request_uri');
  const address = keepsPath ? text.slice(0, -'$request_uri'.length) : text;
  if (address.includes('$') || address.length > MAX_TEXT || !URL.canParse(address)) return undefined;
  const { protocol, hostname, port, pathname, search, hash, username } = new URL(address);
  const scheme = protocol.slice(0, -1);
  if ((scheme !== 'http' && scheme !== 'https') || search !== '' || hash !== '' || username !== '')
    return undefined;
  return {
    kind: 'redirect',
    scheme,
    hostname,
    port: port === '' ? undefined : parsePort(Number(port)),
    path: keepsPath ? undefined : { type: 'full', value: pathname },
    statusCode,
  };
}
