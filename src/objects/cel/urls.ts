// url() with its parts (k8s.io/apiserver/pkg/cel/library, urls): what Go's url.ParseRequestURI reads, an absolute URL or a path. Parts are as they
// were written: JavaScript's URL would make others of them.

import type { Environment } from '@marcbachmann/cel-js';
import { FairleadError } from '../../base/errors.ts';
import { tryParseIp } from '../../base/ip.ts';
import type { Comparable } from './same.ts';

const MAX_LENGTH = 64 * 1024;

class Url implements Comparable {
  readonly text: string;
  readonly scheme: string;
  /** With the port. */
  readonly host: string;
  readonly path: string;
  readonly query: string;

  constructor(text: string, parts: Pick<Url, 'scheme' | 'host' | 'path' | 'query'>) {
    this.text = text;
    this.scheme = parts.scheme;
    this.host = parts.host;
    this.path = parts.path;
    this.query = parts.query;
  }

  isSame(other: unknown): boolean {
    return other instanceof Url && other.text === this.text;
  }

  toString(): string {
    return this.text;
  }
}

export function registerUrls(environment: Environment): void {
  environment
    .registerType('net.URL', { ctor: Url, fields: {} })
    .registerOperator('net.URL == net.URL', (a: Url, b: Url) => a.isSame(b))
    .registerFunction('isURL(string): bool', (text: string) => typeof parse(text) !== 'string')
    .registerFunction('url(string): net.URL', (text: string) => {
      const parsed = parse(text);
      if (typeof parsed !== 'string') return parsed;
      throw new FairleadError(
        'invalid',
        `URL parse error during conversion from string: parse ${JSON.stringify(text.slice(0, 80))}: ${parsed}`,
      );
    })
    .registerFunction('net.URL.getScheme(): string', ({ scheme }: Url) => scheme)
    .registerFunction('net.URL.getHost(): string', ({ host }: Url) => host)
    .registerFunction('net.URL.getHostname(): string', ({ host }: Url) => hostOf(host).name)
    .registerFunction('net.URL.getPort(): string', ({ host }: Url) => hostOf(host).port)
    .registerFunction('net.URL.getEscapedPath(): string', ({ path }: Url) => path)
    .registerFunction('net.URL.getQuery(): map<string, list<string>>', ({ query }: Url) => queryOf(query));
}

/** What is wrong with a URL, in Go's words; undefined where nothing is. */
export function urlError(text: string): string | undefined {
  const parsed = parse(text);
  return typeof parsed === 'string' ? `parse ${JSON.stringify(text)}: ${parsed}` : undefined;
}

const ABSOLUTE = /^([A-Za-z][A-Za-z0-9+.-]*):(.*)$/s;

/** The URL, or what is wrong with it. */
function parse(text: string): Url | string {
  if (text === '') return 'empty url';
  if (text.length > MAX_LENGTH) return 'too long';
  // eslint-disable-next-line no-control-regex -- these are what must not be there
  if (/[\u0000-\u001f\u007f]/.test(text)) return 'net/url: invalid control character in URL';
  const [, scheme = '', afterScheme = text] = ABSOLUTE.exec(text) ?? [];
  const mark = afterScheme.indexOf('?');
  const rest = mark < 0 ? afterScheme : afterScheme.slice(0, mark);
  const query = mark < 0 ? '' : afterScheme.slice(mark + 1);
  if (!rest.startsWith('/')) {
    // "mailto:a@b" has a scheme and something that is neither a host nor a path.
    return scheme === ''
      ? 'invalid URI for request'
      : new Url(text, { scheme: scheme.toLowerCase(), host: '', path: '', query });
  }
  const [, authority, path = ''] = /^(?:\/\/([^/]*))?(.*)$/s.exec(scheme === '' ? '' : rest) ?? [];
  const host = (authority ?? '').replace(/^.*@/s, '');
  const wrong = hostError(host) ?? escapeError(scheme === '' ? rest : path);
  if (wrong !== undefined) return wrong;
  return new Url(text, {
    scheme: scheme.toLowerCase(),
    host,
    path: escaped(scheme === '' ? rest : path),
    query,
  });
}

function hostError(host: string): string | undefined {
  const { name, port, isBracketed } = hostOf(host);
  if (!/^\d*$/.test(port)) return `invalid port ${JSON.stringify(`:${port}`)} after host`;
  if (isBracketed)
    return tryParseIp(name.replace(/%.*$/s, ''))?.includes(':') === true ? undefined : 'invalid host';
  if (/[ "<>\\^`{|}]/.test(name)) return `invalid character in host name`;
  return name.includes('[') || name.includes(']') ? "missing ']' in host" : undefined;
}

function hostOf(host: string): {
  readonly name: string;
  readonly port: string;
  readonly isBracketed: boolean;
} {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/s.exec(host);
  if (bracketed !== null) return { name: bracketed[1] ?? '', port: bracketed[2] ?? '', isBracketed: true };
  const colon = host.lastIndexOf(':');
  if (colon < 0) return { name: host, port: '', isBracketed: false };
  return { name: host.slice(0, colon), port: host.slice(colon + 1), isBracketed: false };
}

function escapeError(path: string): string | undefined {
  const wrong = /%(?![0-9A-Fa-f]{2}).{0,2}/s.exec(path);
  return wrong === null ? undefined : `invalid URL escape ${JSON.stringify(wrong[0])}`;
}

function escaped(path: string): string {
  return path.replaceAll(/[^!-~]|["<>\\^`{|}[\]#]/gu, (it) =>
    it === '[' || it === ']' ? it : encodeURIComponent(it),
  );
}

/** A parameter that cannot be decoded is left out, as in Go. */
function queryOf(query: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const part of query.split('&')) {
    if (part === '' || part.includes(';')) continue;
    const equals = part.indexOf('=');
    const [key, value] = [
      equals < 0 ? part : part.slice(0, equals),
      equals < 0 ? '' : part.slice(equals + 1),
    ].map(decoded);
    if (key === undefined || value === undefined) continue;
    found.set(key, [...(found.get(key) ?? []), value]);
  }
  return found;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
