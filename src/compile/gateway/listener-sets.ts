// All listeners of a Gateway: its own, then those of the ListenerSets that it takes, the oldest first (GEP-1713).

import type { Verdict } from '../../model/gateway-verdict.ts';
import { GATEWAY_GROUP } from '../../objects/gateway-api/common.ts';
import type { Gateway, ListenerSet } from '../../objects/gateway-api/gateway.ts';
import { objectKey } from '../../objects/slim-meta.ts';
import { choosesNamespace } from './attach.ts';
import type { GatewayObjects } from './gateway-objects.ts';
import { referrerOf, type Grants } from './grants.ts';
import { judgeListeners, ownListeners, type JudgedListener, type OwnedListener } from './listeners.ts';
import { no, yes } from './verdicts.ts';

export interface JudgedListenerSet {
  readonly namespace: string;
  readonly name: string;
  readonly generation: number;
  /** Accepted. */
  readonly conditions: readonly Verdict[];
  readonly listeners: readonly JudgedListener[];
}

export interface GatewayListeners {
  readonly own: readonly JudgedListener[];
  readonly sets: readonly JudgedListenerSet[];
  readonly all: readonly JudgedListener[];
  /** Keys of the sets that ask to have a part in it. */
  readonly asking: ReadonlySet<string>;
  /** Of the Gateway: Accepted. */
  readonly acceptance: Verdict;
}

type Inputs = Pick<GatewayObjects, 'listenerSets' | 'namespaces' | 'secrets' | 'configMaps'>;

export function listenersOf(gateway: Gateway, objects: Inputs, grants: Grants): GatewayListeners {
  const sets = [...objects.listenerSets.values()].filter((it) => asksFor(it, gateway)).sort(compareSets);
  const allowed = sets.filter((it) => isAllowed(it, gateway, objects));
  const all = judgeListeners([ownListeners(gateway), ...allowed.map(listenersOfSet)], {
    grants,
    secrets: objects.secrets,
    configMaps: objects.configMaps,
    gateway: referrerOf('Gateway', gateway.namespace),
    validationOf: (port) =>
      gateway.frontendTlsPorts.has(port) ? gateway.frontendTlsPorts.get(port) : gateway.frontendValidation,
  });
  const of = (kind: string, key: string): readonly JudgedListener[] =>
    all.filter(({ owner }) => owner.kind === kind && objectKey(owner) === key);
  const own = of('Gateway', objectKey(gateway));
  const acceptance = addressRefusal(gateway) ?? acceptanceOf(own);
  return {
    own,
    sets: sets.map((set) =>
      judgeSet(set, of('ListenerSet', objectKey(set)), { isTaken: allowed.includes(set), acceptance }),
    ),
    all,
    asking: new Set(sets.map(objectKey)),
    acceptance,
  };
}

function judgeSet(
  { namespace, name, generation }: ListenerSet,
  listeners: readonly JudgedListener[],
  gateway: { readonly isTaken: boolean; readonly acceptance: Verdict },
): JudgedListenerSet {
  return { namespace, name, generation, listeners, conditions: [setAcceptance(listeners, gateway)] };
}

function setAcceptance(
  listeners: readonly JudgedListener[],
  { isTaken, acceptance }: { readonly isTaken: boolean; readonly acceptance: Verdict },
): Verdict {
  if (!isTaken)
    return no(
      'Accepted',
      'NotAllowed',
      'the Gateway takes no ListenerSets of this namespace (allowedListeners)',
    );
  if (!acceptance.isTrue) return no('Accepted', 'ParentNotAccepted', `the Gateway: ${acceptance.message}`);
  return acceptanceOf(listeners);
}

/** Listeners are served all the same, at the addresses that the Gateway has. */
function addressRefusal({ addresses }: Gateway): Verdict | undefined {
  const index = addresses.findIndex(({ type }) => type !== 'IPAddress');
  if (index === -1) return undefined;
  const message = `spec.addresses[${index}]: addresses are of type IPAddress here, not ${addresses[index]?.type}`;
  return no('Accepted', 'UnsupportedAddress', message);
}

/** True where one listener at least can be served as it is. */
function acceptanceOf(listeners: readonly JudgedListener[]): Verdict {
  const refused = listeners.filter(({ conditions }) =>
    conditions.some((it) => it.type === 'Accepted' && !it.isTrue),
  );
  if (refused.length === 0 && listeners.length > 0) return yes('Accepted', 'Accepted');
  const names = refused.map(({ listener }) => listener.name).join(', ');
  const message = listeners.length === 0 ? 'there is no listener' : `not served: listener ${names}`;
  return {
    type: 'Accepted',
    isTrue: refused.length < listeners.length,
    reason: 'ListenersNotValid',
    message,
  };
}

function asksFor({ parent }: ListenerSet, gateway: Gateway): boolean {
  return (
    parent.group === GATEWAY_GROUP &&
    parent.kind === 'Gateway' &&
    parent.namespace === gateway.namespace &&
    parent.name === gateway.name
  );
}

function isAllowed(
  set: ListenerSet,
  { allowedListeners, namespace }: Gateway,
  { namespaces }: Pick<Inputs, 'namespaces'>,
): boolean {
  if (allowedListeners === undefined) return false;
  return choosesNamespace(allowedListeners, namespace, set.namespace, namespaces);
}

function compareSets(a: ListenerSet, b: ListenerSet): number {
  return rankOf(a) < rankOf(b) ? -1 : 1;
}

function rankOf(set: ListenerSet): string {
  return `${set.createdAt} ${objectKey(set)}`;
}

function listenersOfSet(set: ListenerSet): readonly OwnedListener[] {
  const owner = { kind: 'ListenerSet', namespace: set.namespace, name: set.name } as const;
  return set.listeners.map((listener) => ({ owner, listener }));
}
