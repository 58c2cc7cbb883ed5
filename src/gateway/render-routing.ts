// The parts of the configuration that find a backend by maps, and ask Lua where maps do not decide. Always the same, whatever the routes are. Pure.

import type { Telemetry } from '../model/gateway.ts';
import { proxyFiles, type ProxyPlace } from './proxy-place.ts';
import { nameKey } from './proxy-text.ts';
import { limitRules } from './render-limits.ts';
import type { MapName } from './map-lines.ts';
import { telemetryLines } from './request-line.ts';

/** So many labels are taken off a name here; deeper names are looked for by Lua. */
const NATIVE_LEVELS = 4;

export interface HttpRouting {
  readonly port: number;
  readonly scheme: 'http' | 'https';
  /** Whether some names want to see a client's certificate. */
  readonly isGuarded: boolean;
  readonly place: ProxyPlace;
  readonly telemetry: Telemetry | undefined;
}

/** Converters that give the name of a request. What holds a slash is no name: without it nothing of a name can be taken for a path. */
const HOST = 'req.hdr(host),host_only,field(1,/),rtrim(.),lower';
const IS_DIRECT = '{ var(txn.backend) -m beg b }';
/** A backend, or what Lua has said: nothing is left to be found. */
const IS_SETTLED = "{ var(txn.backend) -m beg b @ ! answer none 't ' }";
const IS_TIMED = "{ var(txn.backend) -m beg 't ' }";
const HAS_WAY = '{ var(txn.way) -m found }';

/** A request as one text, for Lua: its headers, an empty line, and a line for each of what follows. No part of a request that HAProxy takes holds a line end. */
function requestText(port: number): string {
  const lines = ['method', 'path', 'query', 'backend', 'table', 'host'].map((it) => `concat(,txn.${it},\\n)`);
  return ['req.hdrs', ...lines, `concat(${port})`].join(',');
}

/**
 * A name that a table of routes is called by is looked up together with the path, and nothing else is asked of most requests: each rule and each
 * condition costs a percent of all that HAProxy does for one. Everything below `allow` is for the others.
 */
export function httpRoutingLines(routing: HttpRouting): readonly string[] {
  const { port, scheme, place, telemetry } = routing;
  const rules = [
    ...directRules(routing),
    ...otherRules(routing),
    ...wayRules(telemetry),
    forwardedRule(scheme),
  ];
  return [
    // The same for all requests of a connection: said once.
    `  tcp-request connection set-var(sess.port) int(${port})`,
    `  tcp-request connection set-var(sess.scheme) str(${scheme})`,
    ...rules.map((it) => `  http-request ${it}`),
    ...(place.namesServer
      ? ['  http-response set-header server fairlead if !{ res.hdr(server) -m found }']
      : []),
    '  http-response lua.respond if { var(txn.changes) -m found }',
    // What is no backend's name leads to the default.
    '  use_backend %[var(txn.backend)]',
    '  default_backend answer-404',
    ...telemetryLines(telemetry),
  ];
}

const SET_HOST = `set-var(txn.host) ${HOST}`;
/** A method that HAProxy has no number for becomes another one in a variable, unless it is text before. */
const SET_METHOD = 'set-var(txn.method) method,bytes(0,20)';

/** By name and path in one, and by conditions on headers alone. */
function directRules({ port, scheme, isGuarded, place, telemetry }: HttpRouting): readonly string[] {
  const isTls = scheme === 'https';
  const isLogged = telemetry === 'access-log';
  const isOther = `!{ ssl_fc_sni,lower,strcmp(txn.host) eq 0 }`;
  const name = isTls || isLogged ? 'var(txn.host)' : HOST;
  const behind = (lines: MapName): string => behindName(place, `:${port}`, lines);
  const ending = [`${forwardedRule(scheme)} if ${IS_DIRECT}`, `allow if ${IS_DIRECT}`];
  return [
    ...(isLogged ? [SET_METHOD] : []),
    ...(isLogged || isTls ? [SET_HOST] : []),
    'set-var(txn.path) path',
    // What is no path can be no route's; HAProxy of this version takes more as a request's target than it should.
    'deny deny_status 400 if !{ var(txn.path) -m beg / }',
    // Who came for another listener's name comes again on a connection of its own.
    ...(isTls ? [`lua.guard if ${isGuarded ? '{ always_true }' : isOther}`] : []),
    `set-var(txn.backend) ${name},${behind('paths')}`,
    ...toldRules(telemetry, `set-var(txn.rule) ${name},${behind('rules')} if ${IS_DIRECT}`),
    ...ending,
    'set-var(txn.backend) req.hdrs,concat(,txn.backend),lua.choose if { var(txn.backend) -m beg = }',
    ...ending,
    ...wayRules(telemetry),
    `${forwardedRule(scheme)} if ${HAS_WAY}`,
    `allow if ${HAS_WAY}`,
    ...(isLogged || isTls ? [] : [SET_HOST]),
  ];
}

/** By less specific names, and by whatever else a route asks for. */
function otherRules({ port, place, telemetry }: HttpRouting): readonly string[] {
  const map = mapOf(place.folder);
  const behind = (lines: MapName): string => `var(txn.table),field(1,|),${behindName(place, '', lines)}`;
  return [
    ...nameRules({ name: 'txn.host', place: String(port), found: 'txn.table', map: map('str', 'hosts') }),
    `set-var(txn.backend) ${behind('paths')} if !{ var(txn.backend) -m found }`,
    ...toldRules(telemetry, `set-var(txn.rule) ${behind('rules')} if ${IS_DIRECT}`),
    `${SET_METHOD} if !${IS_SETTLED}`,
    `set-var(txn.query) query if !${IS_SETTLED}`,
    `set-var(txn.backend) ${requestText(port)},lua.decide if !${IS_SETTLED}`,
    'lua.prepare if { var(txn.backend) -m beg ! }',
    ...limitRules(),
    // Up to the whole or a full buffer; who is too slow is answered 408.
    'wait-for-body time 30s if { var(txn.wants_body) -m found }',
    'lua.follow if { var(txn.backend) -m beg @ ! }',
  ];
}

/** A way (`way_to` in lua/routing.lua) whole, and what is needed of it here. Where there is none, and where a word of it is empty, nothing is set. */
function wayRules(telemetry: Telemetry | undefined): readonly string[] {
  const word = (name: string, at: number): string => `set-var(txn.${name}) ${wayWord(at)}`;
  return [
    `set-var(txn.way) var(txn.backend) if ${IS_TIMED}`,
    word('wait', WAY.wait),
    ...(telemetry === undefined ? [] : [word('inner', WAY.inner), word('rule', WAY.rule)]),
    word('backend', WAY.backend),
  ];
}

/** Where the words of a way stand; `total` and `inner` are those of who waits for all tries together, or makes copies. */
export const WAY = { wait: 2, backend: 3, total: 4, inner: 5, rule: 6 } as const;

export function wayWord(at: number): string {
  return `var(txn.way),field(${at},' ')`;
}

function forwardedRule(scheme: string): string {
  return `set-header X-Forwarded-Proto ${scheme}`;
}

/** What the map has for the name of a table, with `more` behind it, and the path. */
function behindName({ folder }: ProxyPlace, more: string, lines: MapName): string {
  return `concat(${more},txn.path,'/#'),${mapOf(folder)('beg', lines)}`;
}

/** Which rule a backend was found by, where somebody wants to know. */
function toldRules(telemetry: Telemetry | undefined, rule: string): readonly string[] {
  return telemetry === undefined ? [] : [rule];
}

/** For connections of a name, or of none. `place`: which lines of the map are for them. */
export function streamRoutingLines(
  folder: string,
  place: string,
  name: string | undefined,
): readonly string[] {
  const map = mapOf(folder)('str', 'streams');
  const found = 'sess.target';
  const rules = [
    `set-var(sess.place) str(${place})`,
    ...(name === undefined
      ? [`set-var(${found}) str('${nameKey('*', place)}'),${map}`]
      : [`set-var(sess.name) ${name},lower`, ...nameRules({ name: 'sess.name', place, found, map })]),
    `set-var(sess.backend) var(${found}) if { var(${found}) -m beg b } || { var(${found}) -m beg tls- }`,
    'lua.stream if !{ var(sess.backend) -m found }',
    'reject if !{ var(sess.backend) -m found }',
  ];
  return [...rules.map((it) => `  tcp-request content ${it}`), '  use_backend %[var(sess.backend)]'];
}

interface NameLookup {
  /** The variable that holds the name. */
  readonly name: string;
  /** See `nameKey`. */
  readonly place: string;
  /** The variable that is set to what the map says. */
  readonly found: string;
  readonly map: string;
}

/** From the name itself to ever less specific patterns. */
function nameRules({ name, place, found, map }: NameLookup): readonly string[] {
  const isMissing = `!{ var(${found}) -m found }`;
  const lookUp = (what: string, mark: string): string =>
    `set-var(${found}) ${what},concat('|${mark}${place}'),${map}`;
  const without = (labels: number): string => `var(${name}),field(${labels + 1},.,0)`;
  return [
    lookUp(`var(${name})`, ''),
    `${lookUp(without(1), '?')} if ${isMissing}`,
    ...Array.from({ length: NATIVE_LEVELS }, (_, i) => `${lookUp(without(i + 1), '*')} if ${isMissing}`),
    `set-var(${found}) str('${nameKey('*', place)}'),${map} if ${isMissing} !{ ${without(NATIVE_LEVELS + 1)} -m found }`,
  ];
}

function mapOf(folder: string): (how: 'str' | 'beg', name: MapName) => string {
  const files = proxyFiles(folder);
  // Inside of a converter's parentheses, where a comma or parenthesis would end the argument.
  return (how, name) => `map_${how}("${files.map(name).replaceAll(/["\\$]/g, '\\$&')}")`;
}
