// The listeners of a Gateway, its own and those of ListenerSets: which of them are served, with which certificates, for which kinds of routes.

import type { Port } from '../../base/port.ts';
import type { ClientValidation, ProxyCertificate } from '../../model/gateway.ts';
import type { RouteKindName, Verdict } from '../../model/gateway-verdict.ts';
import { GATEWAY_GROUP } from '../../objects/gateway-api/common.ts';
import type {
  FrontendValidation,
  Gateway,
  Listener,
  ListenerProtocol,
} from '../../objects/gateway-api/gateway.ts';
import { localCertificateOf } from '../../objects/gateway-api/local-certificate.ts';
import { objectKey } from '../../objects/slim-meta.ts';
import { authoritiesOf, type Authority, type AuthorityInputs } from './authorities.ts';
import { certificateFor } from './certificates.ts';
import { referrerOf, type Referrer } from './grants.ts';
import { intersection } from './hostnames.ts';
import { no, yes } from './verdicts.ts';

/** Who has a listener. */
export interface ListenerOwner {
  readonly kind: 'Gateway' | 'ListenerSet';
  readonly namespace: string;
  readonly name: string;
}

/** A listener with all that follows for it from the objects. */
export interface JudgedListener {
  /** "shop/public/http" */
  readonly id: string;
  readonly owner: ListenerOwner;
  readonly listener: Listener;
  /** Undefined for a protocol that is not served. */
  readonly protocol: ListenerProtocol | undefined;
  readonly supportedKinds: readonly RouteKindName[];
  readonly certificates: readonly ProxyCertificate[];
  readonly clientValidation: ClientValidation | undefined;
  /** The authorities of `clientValidation`. */
  readonly authorities: readonly Authority[];
  /** Accepted, Conflicted, ResolvedRefs. */
  readonly conditions: readonly Verdict[];
  readonly isServed: boolean;
}

export interface ListenerInputs extends AuthorityInputs {
  /** How a port's clients are judged; undefined where they are not asked for a certificate. */
  readonly validationOf: (port: Port) => FrontendValidation | undefined;
  /** Who names the authorities. */
  readonly gateway: Referrer;
}

export interface OwnedListener {
  readonly owner: ListenerOwner;
  readonly listener: Listener;
}

/**
 * `groups` in the order of their rights: of two listeners that cannot stand beside each other, an earlier group's stays, and the other is in nobody's
 * way; of one group, neither is served.
 */
export function judgeListeners(
  groups: readonly (readonly OwnedListener[])[],
  inputs: ListenerInputs,
): readonly JudgedListener[] {
  const judged: JudgedListener[] = [];
  const standing: Listener[] = [];
  for (const group of groups) {
    const lost = new Map(group.map(({ listener }) => [listener, conflictOf(listener, standing)]));
    const left = group.map(({ listener }) => listener).filter((it) => lost.get(it) === undefined);
    for (const { owner, listener } of group) {
      const others = left.filter((it) => it !== listener);
      judged.push(judge(owner, listener, lost.get(listener) ?? conflictOf(listener, others), inputs));
    }
    standing.push(...left);
  }
  return judged.map((it) => (overlaps(it, judged) ? withOverlap(it) : it));
}

/** Of two that end TLS on one port with names in common, a client may use one's connection for the other's names. */
function overlaps(one: JudgedListener, all: readonly JudgedListener[]): boolean {
  const { listener } = one;
  return (
    canOverlap(one) &&
    all.some(
      (it) =>
        it !== one &&
        canOverlap(it) &&
        it.listener.port === listener.port &&
        intersection(it.listener.hostname, listener.hostname) !== undefined,
    )
  );
}

function canOverlap({ listener, protocol, conditions }: JudgedListener): boolean {
  return endsTls(listener, protocol) && conditions.some(({ type, isTrue }) => type === 'Accepted' && isTrue);
}

function withOverlap(listener: JudgedListener): JudgedListener {
  const message = 'another listener of the port has names in common; requests for its names are answered 421';
  const overlap = yes('OverlappingTLSConfig', 'OverlappingHostnames', message);
  return { ...listener, conditions: [...listener.conditions, overlap] };
}

export function ownListeners(gateway: Gateway): readonly OwnedListener[] {
  const owner = { kind: 'Gateway', namespace: gateway.namespace, name: gateway.name } as const;
  return gateway.listeners.map((listener) => ({ owner, listener }));
}

const HTTP_ROUTES = ['HTTPRoute', 'GRPCRoute'];
const KINDS: Readonly<Record<ListenerProtocol, readonly string[]>> = {
  HTTP: HTTP_ROUTES,
  HTTPS: HTTP_ROUTES,
  TLS: ['TLSRoute'],
  TCP: ['TCPRoute'],
  UDP: ['UDPRoute'],
};

function judge(
  owner: ListenerOwner,
  listener: Listener,
  conflict: Verdict | undefined,
  inputs: ListenerInputs,
): JudgedListener {
  const protocol = protocolOf(listener);
  const kinds = judgeKinds(listener, protocol);
  const tls = judgeTls(owner, listener, protocol, inputs);
  const clients = judgeClients(listener, protocol, inputs);
  const refs = kinds.problem ?? tls.problem ?? clients.problem;
  const accepted = acceptance(listener, protocol, conflict ?? clients.refusal);
  return {
    id: `${objectKey(owner)}/${listener.name}`,
    owner,
    listener,
    protocol,
    supportedKinds: kinds.supported,
    certificates: tls.certificates,
    clientValidation: clients.validation,
    authorities: clients.authorities,
    conditions: [
      accepted,
      conflict ?? no('Conflicted', 'NoConflicts', ''),
      refs ?? yes('ResolvedRefs', 'ResolvedRefs'),
    ],
    isServed: accepted.isTrue && tls.isUsable,
  };
}

function protocolOf({ protocol }: Listener): ListenerProtocol | undefined {
  return isServable(protocol) ? protocol : undefined;
}

function acceptance(
  { protocol: named }: Listener,
  protocol: ListenerProtocol | undefined,
  conflict: Verdict | undefined,
): Verdict {
  if (protocol === undefined)
    return no('Accepted', 'UnsupportedProtocol', `protocol ${JSON.stringify(named)} is not served`);
  if (conflict !== undefined) return no('Accepted', conflict.reason, conflict.message);
  return yes('Accepted', 'Accepted');
}

function judgeKinds(
  { allowedRoutes }: Listener,
  protocol: ListenerProtocol | undefined,
): { readonly supported: readonly RouteKindName[]; readonly problem: Verdict | undefined } {
  const fitting = (protocol === undefined ? [] : KINDS[protocol]).map((kind) => ({
    group: GATEWAY_GROUP,
    kind,
  }));
  const { kinds } = allowedRoutes;
  if (kinds === undefined) return { supported: fitting, problem: undefined };
  const supported = fitting.filter((it) => kinds.some((asked) => isSameKind(asked, it)));
  const wrong = kinds.filter((asked) => !fitting.some((it) => isSameKind(asked, it)));
  if (wrong.length === 0) return { supported, problem: undefined };
  const names = wrong.map(({ group, kind }) => `${kind}.${group}`).join(', ');
  const problem = no('ResolvedRefs', 'InvalidRouteKinds', `no such routes fit the listener: ${names}`);
  return { supported, problem };
}

function isSameKind(a: RouteKindName, b: RouteKindName): boolean {
  return a.group === b.group && a.kind === b.kind;
}

interface JudgedClients {
  readonly validation: ClientValidation | undefined;
  readonly authorities: readonly Authority[];
  readonly problem: Verdict | undefined;
  /** Why nobody may be let in. */
  readonly refusal: Verdict | undefined;
}

const ANYBODY: JudgedClients = {
  validation: undefined,
  authorities: [],
  problem: undefined,
  refusal: undefined,
};

function judgeClients(
  listener: Listener,
  protocol: ListenerProtocol | undefined,
  inputs: ListenerInputs,
): JudgedClients {
  const asked = protocol === 'HTTPS' ? inputs.validationOf(listener.port) : undefined;
  if (asked === undefined) return ANYBODY;
  const { authorities, problem } = authoritiesOf(inputs.gateway, asked.caCertificates, inputs);
  const named = problem && {
    ...problem,
    reason: problem.reason.replace('InvalidKind', 'InvalidCACertificateKind'),
  };
  const refusal =
    authorities.length > 0
      ? undefined
      : no('Accepted', 'NoValidCACertificate', named?.message ?? 'no authority of clients is named');
  const ids = authorities.map(({ id }) => id);
  const validation = { authorities: ids, isRequired: asked.mode === 'valid-only' };
  return { validation, authorities, problem: named, refusal };
}

function endsTls({ tls }: Listener, protocol: ListenerProtocol | undefined): boolean {
  return protocol === 'HTTPS' || (protocol === 'TLS' && tls?.mode === 'terminate');
}

interface JudgedTls {
  readonly certificates: readonly ProxyCertificate[];
  readonly problem: Verdict | undefined;
  /** False where TLS would end without any certificate. */
  readonly isUsable: boolean;
}

function judgeTls(
  owner: ListenerOwner,
  listener: Listener,
  protocol: ListenerProtocol | undefined,
  inputs: ListenerInputs,
): JudgedTls {
  if (!endsTls(listener, protocol)) return { certificates: [], problem: undefined, isUsable: true };
  const certificates: ProxyCertificate[] = [];
  let problem: Verdict | undefined;
  const local = localCertificateOf(owner, listener);
  const refs = local === undefined ? (listener.tls?.certificates ?? []) : [local];
  if (refs.length === 0)
    problem = no('ResolvedRefs', 'InvalidCertificateRef', 'the listener names no certificate');
  for (const ref of refs) {
    const found = certificateFor(referrerOf(owner.kind, owner.namespace), ref, inputs);
    if ('problem' in found) problem ??= found.problem;
    else certificates.push(found.certificate);
  }
  return { certificates, problem, isUsable: certificates.length > 0 };
}

/** What keeps `listener` from standing beside `others`; undefined where nothing does. */
function conflictOf(listener: Listener, others: readonly Listener[]): Verdict | undefined {
  const conflicted = (reason: string, message: string): Verdict => ({
    type: 'Conflicted',
    isTrue: true,
    reason,
    message,
  });
  const rivals = others.filter((it) => it.port === listener.port && isUdp(it) === isUdp(listener));
  const { port, hostname, protocol: own } = listener;
  for (const { name, protocol, hostname: theirs } of rivals) {
    if (!isServable(own) || !isServable(protocol)) continue;
    const isNamed = protocol !== 'TCP' && protocol !== 'UDP';
    const isOther = protocol !== own && !(isTls(protocol) && isTls(own) && theirs !== hostname);
    if (!isNamed || isOther)
      return conflicted('ProtocolConflict', `listener ${name} speaks ${protocol} on port ${port}`);
    if (protocol === own && theirs === hostname)
      return conflicted(
        'HostnameConflict',
        `listener ${name} has ${hostname ?? 'every name'} on port ${port}`,
      );
  }
  return undefined;
}

function isUdp({ protocol }: Listener): boolean {
  return protocol === 'UDP';
}

function isServable(protocol: string): protocol is ListenerProtocol {
  return Object.hasOwn(KINDS, protocol);
}

/** Names tell HTTPS and TLS of one port apart. */
function isTls(protocol: string): boolean {
  return protocol === 'HTTPS' || protocol === 'TLS';
}
