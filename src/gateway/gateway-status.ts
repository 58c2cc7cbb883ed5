// What the statuses of a Gateway's objects are to be: pure, from the verdicts of compile, from what the proxy has, and from what stands already.

import { isDeepStrictEqual } from 'node:util';
import type { Ip } from '../base/ip.ts';
import type { ProxyCertificate } from '../model/gateway.ts';
import type {
  GatewayVerdict,
  ListenerVerdict,
  ParentVerdict,
  RouteVerdict,
  Verdict,
  VerdictParent,
} from '../model/gateway-verdict.ts';
import { GATEWAY_CONTROLLER, GATEWAY_GROUP } from '../objects/gateway-api/common.ts';
import { objectKey } from '../objects/slim-meta.ts';
import { expiriesOf } from './certificate-expiry.ts';
import { conditionsOf, type ConditionTime } from './condition.ts';
import type { DueRoutes, SeenRoute } from './due-routes.ts';
import type { ProxyFindings } from './proxy-findings.ts';
import type { SeenStatus, SeenStatuses } from './seen-status.ts';

/** One status that is to be written. */
export interface StatusWrite {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly status: Readonly<Record<string, unknown>>;
}

export interface StatusInputs {
  readonly verdict: GatewayVerdict;
  readonly findings: ProxyFindings;
  /** Of the model, by id. */
  readonly certificates: ReadonlyMap<string, ProxyCertificate>;
  /** Of the Gateway's Service; empty until it has one. */
  readonly addresses: readonly Ip[];
  readonly seen: SeenStatuses;
  /** RFC 3339 in whole seconds. */
  readonly now: string;
  /** Of the routes of rounds before this one. */
  readonly routes: DueRoutes;
}

/** Thousands of routes are looked at in parts, between which other things may be done. */
const ROUTES_AT_A_TIME = 100;

/** The statuses that stand otherwise than they should, in parts. */
export function* statusWrites(inputs: StatusInputs): Generator<readonly StatusWrite[]> {
  yield [...gatewayWrites(inputs), ...listenerSetWrites(inputs), ...policyWrites(inputs)];
  yield* routeWrites(inputs);
}

function gatewayWrites(inputs: StatusInputs): readonly StatusWrite[] {
  const { verdict, seen, addresses, now } = inputs;
  const key = objectKey(verdict);
  const before = seen.of('Gateway').get(key);
  if (before === undefined) return [];
  const time = { generation: verdict.generation, now };
  const conditions = [...verdict.conditions, gatewayProgrammed(inputs)];
  const status = {
    ...before.status,
    addresses: addresses.map((value) => ({ type: 'IPAddress', value })),
    attachedListenerSets: verdict.attachedListenerSets,
    conditions: conditionsOf(conditions, before.status['conditions'], time),
    listeners: listenerStatuses(verdict.listeners, before, { time, inputs }),
  };
  return writeOf('Gateway', verdict, before, status);
}

function gatewayProgrammed({ verdict, findings, addresses }: StatusInputs): Verdict {
  const no = (reason: string, message: string): Verdict => ({
    type: 'Programmed',
    isTrue: false,
    reason,
    message,
  });
  const accepted = verdict.conditions.find(({ type }) => type === 'Accepted');
  if (accepted?.isTrue === false) return no('Invalid', accepted.message);
  if (findings.problem !== undefined) return no('Pending', findings.problem);
  const missing = verdict.askedAddresses.filter((it) => !addresses.includes(it));
  if (missing.length > 0)
    return no(
      'AddressNotUsable',
      `${missing.join(', ')}: not assigned; Events of the Gateway's Service say why`,
    );
  if (addresses.length === 0) return no('AddressNotAssigned', 'no address is assigned yet');
  return { type: 'Programmed', isTrue: true, reason: 'Programmed', message: '' };
}

function listenerSetWrites(inputs: StatusInputs): readonly StatusWrite[] {
  const { verdict, seen, now, findings } = inputs;
  return verdict.listenerSets.flatMap((set) => {
    const before = seen.of('ListenerSet').get(objectKey(set));
    if (before === undefined) return [];
    const time = { generation: set.generation, now };
    const accepted = set.conditions.every((it) => it.isTrue);
    const isProgrammed = accepted && findings.problem === undefined;
    const programmed: Verdict = {
      type: 'Programmed',
      isTrue: isProgrammed,
      reason: isProgrammed ? 'Programmed' : accepted ? 'Pending' : 'Invalid',
      message: isProgrammed ? '' : (findings.problem ?? 'the Gateway does not take it'),
    };
    const status = {
      ...before.status,
      conditions: conditionsOf([...set.conditions, programmed], before.status['conditions'], time),
      listeners: listenerStatuses(set.listeners, before, { time, inputs }),
    };
    return writeOf('ListenerSet', set, before, status);
  });
}

function listenerStatuses(
  listeners: readonly ListenerVerdict[],
  before: SeenStatus,
  { time, inputs }: { readonly time: ConditionTime; readonly inputs: StatusInputs },
): readonly unknown[] {
  const known = namedEntries(before.status['listeners']);
  return listeners.map((listener) => ({
    name: listener.name,
    supportedKinds: listener.supportedKinds,
    attachedRoutes: listener.attachedRoutes,
    conditions: conditionsOf(
      [...listener.conditions, listenerProgrammed(listener, inputs), ...certificateExpiry(listener, inputs)],
      known.get(listener.name)?.['conditions'],
      time,
    ),
  }));
}

function listenerProgrammed({ id, isServed }: ListenerVerdict, inputs: StatusInputs): Verdict {
  const no = (reason: string, message: string): Verdict => ({
    type: 'Programmed',
    isTrue: false,
    reason,
    message,
  });
  if (!isServed) return no('Invalid', 'the listener is not served');
  const closed = inputs.findings.listeners.get(id);
  if (closed !== undefined) return no('Invalid', closed);
  if (inputs.findings.problem !== undefined) return no('Pending', inputs.findings.problem);
  return { type: 'Programmed', isTrue: true, reason: 'Programmed', message: '' };
}

/** Of the certificate that ends first; nothing where the listener shows none. */
function certificateExpiry(
  { certificates: shown }: ListenerVerdict,
  { certificates, now }: StatusInputs,
): readonly Verdict[] {
  const type = `${OWN_DOMAIN}/CertificateExpiring`;
  const [first] = expiriesOf(
    shown.flatMap((id) => certificates.get(id) ?? []),
    Date.parse(now),
  );
  if (first === undefined) return [];
  return [{ type, isTrue: first.state !== 'Valid', reason: first.state, message: first.message }];
}

/** Routes that are attached, and those that still say so of a Gateway that they name no more. */
function* routeWrites(inputs: StatusInputs): Generator<readonly StatusWrite[]> {
  const { verdict, seen, findings, routes } = inputs;
  let looked = 0;
  let writes: StatusWrite[] = [];
  for (const route of routes.of({ verdicts: verdict.routes, findings, seen })) {
    const own = routeWrite(route, inputs);
    if (own.length === 0) routes.settle(route);
    writes.push(...own);
    if (++looked % ROUTES_AT_A_TIME > 0) continue;
    yield writes;
    writes = [];
  }
  yield writes;
}

function routeWrite({ kind, key, before, verdict }: SeenRoute, inputs: StatusInputs): readonly StatusWrite[] {
  // Written for an older specification than the one that was seen: the next compile says it anew.
  if (verdict !== undefined && verdict.generation !== before.generation) return [];
  const standing = parentEntries(before.status['parents']);
  const [own, others] = partition(standing, (it) => isOwn(it, inputs));
  if (verdict === undefined && own.length === 0) return [];
  const parents = (verdict?.parents ?? []).map((it) => parentStatus(it, own, { verdict, inputs }));
  const [namespace = '', name = ''] = key.split('/');
  const status = { ...before.status, parents: [...others, ...parents] };
  return writeOf(kind, { namespace, name }, before, status);
}

function parentStatus(
  { parent, conditions }: ParentVerdict,
  own: readonly ParentEntry[],
  { verdict, inputs }: { readonly verdict: RouteVerdict | undefined; readonly inputs: StatusInputs },
): ParentEntry {
  const parentRef = parentRefOf(parent);
  const before = own.find((it) => isDeepStrictEqual(it.parentRef, parentRef));
  const isAccepted = conditions.some(({ type, isTrue }) => type === 'Accepted' && isTrue);
  const { findings } = inputs;
  const ofRoute = verdict && findings.routes.get(`${verdict.kind} ${objectKey(verdict)}`);
  const problem = findings.problem ?? ofRoute;
  const isProgrammed = isAccepted && problem === undefined;
  const programmed: Verdict = {
    type: `${OWN_DOMAIN}/Programmed`,
    isTrue: isProgrammed,
    reason: isProgrammed ? 'Programmed' : isAccepted ? 'Pending' : 'NotAccepted',
    message: isProgrammed || !isAccepted ? '' : (problem ?? ''),
  };
  const time = { generation: verdict?.generation ?? 0, now: inputs.now };
  return {
    parentRef,
    controllerName: GATEWAY_CONTROLLER,
    conditions: conditionsOf([...conditions, programmed], before?.conditions, time),
  };
}

const OWN_DOMAIN = 'fairlead.dev';

interface ParentEntry {
  readonly parentRef: Readonly<Record<string, unknown>>;
  readonly controllerName: string;
  readonly conditions?: unknown;
}

function parentRefOf({
  group,
  kind,
  namespace,
  name,
  sectionName,
  port,
}: VerdictParent): ParentEntry['parentRef'] {
  return {
    group,
    kind,
    namespace,
    name,
    ...(sectionName === undefined ? {} : { sectionName }),
    ...(port === undefined ? {} : { port }),
  };
}

/** A policy says of each Gateway whose routes it concerns how it stands there. */
function policyWrites(inputs: StatusInputs): readonly StatusWrite[] {
  const { verdict, seen, now } = inputs;
  const verdicts = new Map(verdict.policies.map((it) => [objectKey(it), it]));
  return [...seen.of(POLICY_KIND)].flatMap(([key, before]) => {
    const policy = verdicts.get(key);
    if (policy !== undefined && policy.generation !== before.generation) return [];
    const standing = ancestorEntries(before.status['ancestors']);
    const [own, others] = partition(standing, (it) => isOwn({ ...it, parentRef: it.ancestorRef }, inputs));
    if (policy === undefined && own.length === 0) return [];
    const { namespace, name } = verdict;
    const entry = policy && {
      ancestorRef: { group: GATEWAY_GROUP, kind: 'Gateway', namespace, name },
      controllerName: GATEWAY_CONTROLLER,
      conditions: conditionsOf(policy.conditions, own[0]?.conditions, { generation: policy.generation, now }),
    };
    const status = { ...before.status, ancestors: [...others, ...(entry === undefined ? [] : [entry])] };
    const [ownNamespace = '', ownName = ''] = key.split('/');
    return writeOf(POLICY_KIND, { namespace: ownNamespace, name: ownName }, before, status);
  });
}

const POLICY_KIND = 'BackendTLSPolicy';

interface AncestorEntry extends Omit<ParentEntry, 'parentRef'> {
  readonly ancestorRef: ParentEntry['parentRef'];
}

function ancestorEntries(value: unknown): readonly AncestorEntry[] {
  const entries = Array.isArray(value) ? (value as readonly unknown[]) : [];
  return entries.filter((it): it is AncestorEntry => {
    const { ancestorRef, controllerName } = (it ?? {}) as Partial<AncestorEntry>;
    return typeof ancestorRef === 'object' && typeof controllerName === 'string';
  });
}

/** Entries of this Gateway, by our name; those of other Gateways are other processes' to write. */
function isOwn({ controllerName, parentRef }: ParentEntry, { verdict }: StatusInputs): boolean {
  if (controllerName !== GATEWAY_CONTROLLER || parentRef['group'] !== GATEWAY_GROUP) return false;
  const key = `${String(parentRef['namespace'])}/${String(parentRef['name'])}`;
  if (parentRef['kind'] === 'Gateway') return key === objectKey(verdict);
  return verdict.listenerSets.some((it) => objectKey(it) === key);
}

function parentEntries(value: unknown): readonly ParentEntry[] {
  const entries = Array.isArray(value) ? (value as readonly unknown[]) : [];
  return entries.filter((it): it is ParentEntry => {
    const { parentRef, controllerName } = (it ?? {}) as Partial<ParentEntry>;
    return typeof parentRef === 'object' && typeof controllerName === 'string';
  });
}

function namedEntries(value: unknown): ReadonlyMap<string, Readonly<Record<string, unknown>>> {
  const entries = Array.isArray(value) ? (value as readonly Readonly<Record<string, unknown>>[]) : [];
  return new Map(entries.map((it) => [String(it['name']), it]));
}

function partition<T>(
  items: readonly T[],
  test: (item: T) => boolean,
): readonly [readonly T[], readonly T[]] {
  return [items.filter(test), items.filter((it) => !test(it))];
}

/** Nothing where it stands already. */
export function writeOf(
  kind: string,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  before: SeenStatus,
  status: Readonly<Record<string, unknown>>,
): readonly StatusWrite[] {
  if (isDeepStrictEqual(status, before.status)) return [];
  return [{ kind, namespace, name, version: before.version, status }];
}
