// The nameservers of a resolv.conf (resolv.conf(5)). Pure but for the reading of the file.

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

/** The nameservers of the file at `path`; none where it cannot be read. */
export async function readNameservers(path: string): Promise<readonly Ip[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return parseResolvConf(text);
}
