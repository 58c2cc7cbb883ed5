// Defaults of the Gateway API's kinds, as the schemas of their custom resources have them.

import { GATEWAY_GROUP } from '../gateway-api/common.ts';
import { isObject, listOf, type Draft } from '../json.ts';

const SERVICE = { group: '', kind: 'Service' };
const SECRET = { group: '', kind: 'Secret' };
const GATEWAY = { group: GATEWAY_GROUP, kind: 'Gateway' };

/** Sets what `object` does not have, where it is there at all. */
function fill(object: unknown, values: Readonly<Draft>): void {
  if (!isObject(object)) return;
  for (const [name, value] of Object.entries(values)) object[name] ??= value;
}

/** The object at a dotted path; undefined where any step of it is absent. */
function at(object: unknown, path: string): Draft | undefined {
  let found = object;
  for (const step of path.split('.')) found = isObject(found) ? found[step] : undefined;
  return isObject(found) ? found : undefined;
}

function items(object: unknown, name: string): readonly Draft[] {
  return isObject(object) ? listOf(object[name]).filter(isObject) : [];
}

export function defaultHttpRoute({ spec }: Draft): void {
  fill(spec, { rules: [{ matches: [rootMatch()] }] });
  defaultParents(spec);
  for (const rule of items(spec, 'rules')) {
    fill(rule, { matches: [rootMatch()] });
    for (const match of items(rule, 'matches')) {
      fill(match, rootMatch());
      fill(match['path'], { type: 'PathPrefix', value: '/' });
      for (const it of [...items(match, 'headers'), ...items(match, 'queryParams')])
        fill(it, { type: 'Exact' });
    }
    defaultRule(rule);
  }
}

function rootMatch(): Draft {
  return { path: { type: 'PathPrefix', value: '/' } };
}

export function defaultGrpcRoute({ spec }: Draft): void {
  defaultParents(spec);
  for (const rule of items(spec, 'rules')) {
    for (const match of items(rule, 'matches')) {
      fill(match['method'], { type: 'Exact' });
      for (const header of items(match, 'headers')) fill(header, { type: 'Exact' });
    }
    defaultRule(rule);
  }
}

/** Of TLSRoutes, TCPRoutes and UDPRoutes. */
export function defaultStreamRoute({ spec }: Draft): void {
  defaultParents(spec);
  for (const rule of items(spec, 'rules')) defaultBackends(rule);
}

function defaultParents(spec: unknown): void {
  for (const parent of items(spec, 'parentRefs')) fill(parent, GATEWAY);
}

/** What rules of HTTPRoutes and GRPCRoutes share. */
function defaultRule(rule: Draft): void {
  const { sessionPersistence } = rule;
  fill(sessionPersistence, { type: 'Cookie' });
  fill(at(sessionPersistence, 'cookieConfig'), { lifetimeType: 'Session' });
  defaultFilters(rule);
  defaultBackends(rule);
  for (const backend of items(rule, 'backendRefs')) defaultFilters(backend);
}

function defaultBackends(rule: Draft): void {
  for (const backend of items(rule, 'backendRefs')) fill(backend, { ...SERVICE, weight: 1 });
}

function defaultFilters(rule: Draft): void {
  for (const filter of items(rule, 'filters')) {
    fill(at(filter, 'requestMirror.backendRef'), SERVICE);
    fill(at(filter, 'requestMirror.fraction'), { denominator: 100 });
    fill(at(filter, 'externalAuth.backendRef'), SERVICE);
    fill(filter['requestRedirect'], { statusCode: 302 });
    fill(filter['cors'], { maxAge: 5 });
  }
}

export function defaultGateway({ spec }: Draft): void {
  defaultListeners(spec);
  for (const address of items(spec, 'addresses')) fill(address, { type: 'IPAddress' });
  fill(at(spec, 'allowedListeners'), { namespaces: {} });
  fill(at(spec, 'allowedListeners.namespaces'), { from: 'None' });
  fill(at(spec, 'tls.backend.clientCertificateRef'), SECRET);
  const frontend = at(spec, 'tls.frontend');
  for (const port of items(frontend, 'perPort')) fill(at(port, 'tls.validation'), { mode: 'AllowValidOnly' });
  fill(at(frontend, 'default.validation'), { mode: 'AllowValidOnly' });
}

export function defaultListenerSet({ spec }: Draft): void {
  fill(at(spec, 'parentRef'), GATEWAY);
  defaultListeners(spec);
}

function defaultListeners(spec: unknown): void {
  for (const listener of items(spec, 'listeners')) {
    fill(listener, { allowedRoutes: {} });
    fill(listener['allowedRoutes'], { namespaces: {} });
    fill(at(listener, 'allowedRoutes.namespaces'), { from: 'Same' });
    for (const kind of items(listener['allowedRoutes'], 'kinds')) fill(kind, { group: GATEWAY_GROUP });
    fill(listener['tls'], { mode: 'Terminate' });
    for (const secret of items(listener['tls'], 'certificateRefs')) fill(secret, SECRET);
  }
}
