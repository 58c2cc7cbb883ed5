// The nameservers and search domains of a resolv.conf (resolv.conf(5)). Pure but for the reading of the file.

import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tryParseIp, type Ip } from '../base/ip.ts';

/** The addresses of its nameserver lines, in order; what is no address (a zone-scoped one, say) is passed over. */
export function parseResolvConf(text: string): readonly Ip[] {
  const ips = text.split('\n').flatMap((line) => {
    const [keyword, value] = line.trim().split(/\s+/);
    const ip = keyword === 'nameserver' && value !== undefined ? tryParseIp(value) : undefined;
    return ip === undefined ? [] : [ip];
  });
  return [...new Set(ips)];
}

/** Its search domains; the last search or domain line wins, as in glibc. */
export function parseSearches(text: string): readonly string[] {
  let searches: readonly string[] = [];
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'search' || keyword === 'domain') searches = values;
  }
  return searches;
}

/** The nameservers of the file at `path`; none where it cannot be read. */
export async function readNameservers(path: string): Promise<readonly Ip[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return parseResolvConf(text);
}

/** The search domains of the file at `path`; none where it cannot be read. */
export function readSearches(path: string): readonly string[] {
  try {
    return parseSearches(readFileSync(path, 'utf8'));
  } catch {
    return [];
  }
}
