// The part of the configuration that finds a request's backend by maps, and asks Lua where they do not decide. Always the same, whatever the routes are. Pure.

import path from 'node:path';
import { proxyFiles } from './proxy-place.ts';

/** So many labels are taken off a name here; deeper names are looked for by Lua. */
const NATIVE_LEVELS = 4;

export function routingLines(port: number, scheme: 'http' | 'https', folder: string): readonly string[] {
  const files = proxyFiles(path.resolve(folder));
  const map = (how: 'str' | 'beg', name: 'hosts' | 'exact' | 'prefix'): string =>
    `map_${how}(${mapWord(files.map(name))})`;
  const hosts = map('str', 'hosts');
  const noTable = '!{ var(txn.table) -m found }';
  const noTarget = '!{ var(txn.target) -m found }';
  const level = (mark: string): string =>
    `  http-request set-var(txn.table) str('${port}|${mark}.'),concat(,txn.rest),${hosts} if ${noTable}`;
  const cut = (of: string): string =>
    `  http-request set-var(txn.rest) var(txn.${of}),field(2,.,0) if ${noTable}`;
  return [
    // What is no path can be no route's; HAProxy of this version takes more as a request's target than it should.
    `  http-request deny deny_status 400 if !{ path -m beg / }`,
    '  http-request set-var(txn.host) req.hdr(host),host_only,lower,regsub(\\.$,)',
    '  http-request set-var(txn.path) path',
    `  http-request set-var(txn.port) int(${port})`,
    `  http-request set-var(txn.scheme) str(${scheme})`,
    `  http-request set-var(txn.table) str('${port}|'),concat(,txn.host),${hosts}`,
    cut('host'),
    level('?'),
    level('*'),
    ...Array.from({ length: NATIVE_LEVELS - 1 }, () => [cut('rest'), level('*')]).flat(),
    `  http-request set-var(txn.target) var(txn.table),concat(|,txn.path),${map('str', 'exact')}`,
    `  http-request set-var(txn.target) var(txn.table),concat(|,txn.path,/),${map('beg', 'prefix')} if ${noTarget}`,
    '  http-request set-var(txn.backend) var(txn.target) if { var(txn.target) -m beg b }',
    '  http-request lua.route if !{ var(txn.backend) -m found }',
    `  http-request set-header X-Forwarded-Proto ${scheme}`,
    '  http-response lua.respond if { var(txn.changes) -m found }',
    '  use_backend %[var(txn.backend)] if { var(txn.backend) -m found }',
    '  default_backend answer-404',
  ];
}

/** Inside of a converter's parentheses, where a comma or parenthesis would end the argument. */
function mapWord(file: string): string {
  return `"${file.replaceAll(/["\\$]/g, '\\$&')}"`;
}
