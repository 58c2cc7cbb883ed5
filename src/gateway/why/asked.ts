// A request in the words of a command line: a method, a URL and headers.

import { FairleadError } from '../../base/errors.ts';
import { tryParseIp } from '../../base/ip.ts';
import { hostOf } from '../../oracle/route-host.ts';
import type { GatewayRequest, Named } from '../../oracle/route-objects.ts';

export type Scheme = 'http' | 'https' | 'tls' | 'tcp' | 'udp';

export interface Asked {
  readonly scheme: Scheme;
  readonly method: string;
  /** "shop.example:8443" as it stands in the URL; undefined where nothing does. */
  readonly authority: string | undefined;
  /** Of the URL, without a port, in lower case; undefined where it names none. */
  readonly host: string | undefined;
  readonly port: number;
  /** As written: nothing is decoded, no ".." resolved. */
  readonly path: string;
  readonly query: string | undefined;
  /** Without Host, which `authority` is. */
  readonly headers: readonly { readonly name: string; readonly value: string }[];
}

export interface AskedText {
  readonly method: string;
  readonly url: string;
  /** "Name: value" */
  readonly headers: readonly string[];
}

const PORTS: Readonly<Record<Scheme, number | undefined>> = {
  http: 80,
  https: 443,
  tls: 443,
  tcp: undefined,
  udp: undefined,
};
const FORMS = 'http://HOST/PATH, https://HOST/PATH, tls://HOST, tcp://:PORT or udp://:PORT';
const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;

/** Throws `invalid` with what is wrong and how it is written. */
export function readAsked({ method, url, headers }: AskedText): Asked {
  if (!TOKEN.test(method)) fail(`method ${JSON.stringify(method)}: write one such as GET`);
  const { scheme, host, port, target } = readUrl(url);
  const [, path = '', query] = /^([^?]*)(?:\?(.*))?$/s.exec(target) ?? [];
  const read = headers.map(readHeader);
  const named = read.find((it) => it.name.toLowerCase() === 'host')?.value;
  return {
    scheme,
    method: method.toUpperCase(),
    authority: named ?? (host === undefined || port.text === '' ? host : `${host}:${port.text}`),
    host: host?.toLowerCase().replace(/\.$/, ''),
    port: port.number,
    path: path === '' ? '/' : path,
    query,
    headers: read.filter((it) => it.name.toLowerCase() !== 'host'),
  };
}

interface Url {
  readonly scheme: Scheme;
  readonly host: string | undefined;
  readonly port: { readonly text: string; readonly number: number };
  /** Path and query. */
  readonly target: string;
}

function readUrl(url: string): Url {
  if (/[^\u0021-\u007e]/.test(url))
    fail(`URL ${JSON.stringify(url)}: letters outside of ASCII and blanks are written as %XX`);
  const [, word, authority = '', target = ''] = /^([a-z]+):\/\/([^/?#]*)([^#]*)(?:#.*)?$/i.exec(url) ?? [];
  const scheme = word?.toLowerCase();
  if (scheme === undefined || !isScheme(scheme)) fail(`URL "${url}": write ${FORMS}`);
  const [, host, text = ''] = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]*)(?::([0-9]*))?$/i.exec(authority) ?? [];
  if (host === undefined) fail(`URL "${url}": "${authority}" is no host with a port or without`);
  if (host === '' && (scheme === 'http' || scheme === 'https')) fail(`URL "${url}": it names no host`);
  const number = text === '' ? PORTS[scheme] : Number(text);
  if (number === undefined) fail(`URL "${url}": write ${scheme}://:PORT`);
  if (number < 1 || number > 65_535) fail(`URL "${url}": ports are from 1 to 65535`);
  return { scheme, host: host === '' ? undefined : host, port: { text, number }, target };
}

function isScheme(word: string): word is Scheme {
  return Object.hasOwn(PORTS, word);
}

function readHeader(text: string): { readonly name: string; readonly value: string } {
  const [, name = '', value = ''] = /^([^:]*):(.*)$/s.exec(text) ?? [];
  // What could not be in a request cannot be asked about.
  if (!TOKEN.test(name) || /[\r\n\0]/.test(value))
    fail(`header ${JSON.stringify(text)}: write "Name: value"`);
  return { name, value: value.trim() };
}

function fail(what: string): never {
  throw new FairleadError('invalid', `Cannot read ${what}`);
}

/** As it comes to a Gateway. An address is nothing that is asked for by TLS (RFC 6066, 3); where a certificate of the client is wanted, it has a good one. */
export function requestTo(gateway: Named, asked: Asked): GatewayRequest {
  const { scheme, host, port, method, authority, path, query, headers } = asked;
  const isAddress = host !== undefined && tryParseIp(host.replace(/^\[(.*)\]$/, '$1')) !== undefined;
  return {
    gateway,
    port,
    transport: scheme === 'udp' ? 'UDP' : 'TCP',
    tls:
      scheme === 'https' || scheme === 'tls'
        ? { serverName: isAddress ? undefined : host, certificate: 'trusted' }
        : undefined,
    method,
    host: authority,
    path,
    query,
    headers,
  };
}

/** "GET https://shop.example/cart", with "(Host: ...)" where that is another one; "tls://db.example:443" */
export function askedText({ scheme, method, authority, host, port, path, query }: Asked): string {
  const isHttp = scheme === 'http' || scheme === 'https';
  const at = PORTS[scheme] === port ? '' : `:${port}`;
  if (!isHttp) return `${scheme}://${host ?? ''}:${port}`;
  const other = authority === undefined || hostOf(authority) === host ? '' : ` (Host: ${authority})`;
  return `${method} ${scheme}://${host ?? ''}${at}${path}${query === undefined ? '' : `?${query}`}${other}`;
}
