// The parts of the configuration that find a backend by maps, and ask Lua where maps do not decide. Always the same, whatever the routes are. Pure.

import { proxyFiles } from './proxy-place.ts';
import type { MapName } from './render-routes.ts';

/** So many labels are taken off a name here; deeper names are looked for by Lua. */
const NATIVE_LEVELS = 4;

export interface HttpRouting {
  readonly port: number;
  readonly scheme: 'http' | 'https';
  /** Whether some names want to see a client's certificate. */
  readonly isGuarded: boolean;
  readonly folder: string;
}

export function httpRoutingLines({ port, scheme, isGuarded, folder }: HttpRouting): readonly string[] {
  const map = mapOf(folder);
  const isOther = `!{ ssl_fc_sni,lower,strcmp(txn.host) eq 0 }`;
  return [
    // The same for all requests of a connection: said once.
    `  tcp-request connection set-var(sess.port) int(${port})`,
    `  tcp-request connection set-var(sess.scheme) str(${scheme})`,
    // What is no path can be no route's; HAProxy of this version takes more as a request's target than it should.
    `  http-request deny deny_status 400 if !{ path -m beg / }`,
    '  http-request set-var(txn.host) req.hdr(host),host_only,lower',
    // A regular expression costs more than all else here, and few names end so.
    '  http-request set-var(txn.host) var(txn.host),regsub(\\.$,) if { var(txn.host) -m end . }',
    '  http-request set-var(txn.path) path',
    ...nameLines('http-request', {
      name: 'txn.host',
      prefix: `${port}|`,
      found: 'txn.table',
      map: map('str', 'hosts'),
    }),
    // Who came for another listener's name comes again on a connection of its own.
    ...(scheme === 'https' ? [`  http-request lua.guard if ${isGuarded ? '{ always_true }' : isOther}`] : []),
    `  http-request set-var(txn.target) var(txn.table),concat(|,txn.path),${map('str', 'exact')}`,
    `  http-request set-var(txn.target) var(txn.table),concat(|,txn.path,/),${map('beg', 'prefix')} if !{ var(txn.target) -m found }`,
    '  http-request set-var(txn.backend) var(txn.target) if { var(txn.target) -m beg b }',
    '  http-request lua.route if !{ var(txn.backend) -m found }',
    // Up to the whole or a full buffer; who is too slow is answered 408.
    '  http-request wait-for-body time 30s if { var(txn.wants_body) -m found }',
    '  http-request lua.follow if { var(txn.wants_body) -m found }',
    `  http-request set-header X-Forwarded-Proto ${scheme}`,
    // Conformance of Ingress asks for one (ingress-controller-conformance, features/default_backend.feature); a backend's own stands.
    '  http-response set-header server fairlead if !{ res.hdr(server) -m found }',
    '  http-response lua.respond if { var(txn.changes) -m found }',
    '  use_backend %[var(txn.backend)] if { var(txn.backend) -m found }',
    '  default_backend answer-404',
  ];
}

/** For connections of a name, or of none. `key` begins the lines of the map that are for them. */
export function streamRoutingLines(folder: string, key: string, name: string | undefined): readonly string[] {
  const map = mapOf(folder)('str', 'streams');
  const [rule, found] = ['tcp-request content', 'sess.target'];
  return [
    `  ${rule} set-var(sess.key) str('${key}')`,
    ...(name === undefined
      ? [`  ${rule} set-var(${found}) str('${key}*'),${map}`]
      : [
          `  ${rule} set-var(sess.name) ${name},lower`,
          ...nameLines(rule, { name: 'sess.name', prefix: key, found, map }),
        ]),
    `  ${rule} set-var(sess.backend) var(${found}) if { var(${found}) -m beg b } || { var(${found}) -m beg tls- }`,
    `  ${rule} lua.stream if !{ var(sess.backend) -m found }`,
    `  ${rule} reject if !{ var(sess.backend) -m found }`,
    '  use_backend %[var(sess.backend)]',
  ];
}

interface NameLookup {
  /** The variable that holds the name. */
  readonly name: string;
  readonly prefix: string;
  /** The variable that is set to what the map says. */
  readonly found: string;
  readonly map: string;
}

/** From the name itself to ever less specific patterns. */
function nameLines(rule: string, { name, prefix, found, map }: NameLookup): readonly string[] {
  const rest = `${name.split('.')[0]}.rest`;
  const isMissing = `!{ var(${found}) -m found }`;
  const level = (mark: string): string =>
    `  ${rule} set-var(${found}) str('${prefix}${mark}.'),concat(,${rest}),${map} if ${isMissing}`;
  const cut = (of: string): string => `  ${rule} set-var(${rest}) var(${of}),field(2,.,0) if ${isMissing}`;
  return [
    `  ${rule} set-var(${found}) str('${prefix}'),concat(,${name}),${map}`,
    cut(name),
    level('?'),
    level('*'),
    ...Array.from({ length: NATIVE_LEVELS - 1 }, () => [cut(rest), level('*')]).flat(),
    `  ${rule} set-var(${found}) str('${prefix}*'),${map} if ${isMissing} !{ var(${rest}) -m sub . }`,
  ];
}

function mapOf(folder: string): (how: 'str' | 'beg', name: MapName) => string {
  const files = proxyFiles(folder);
  // Inside of a converter's parentheses, where a comma or parenthesis would end the argument.
  return (how, name) => `map_${how}("${files.map(name).replaceAll(/["\\$]/g, '\\$&')}")`;
}
