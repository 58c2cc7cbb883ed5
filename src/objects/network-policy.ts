// The slim NetworkPolicy: networking.k8s.io/v1, with the defaults of absent fields decided here.

import { cidrHasCidr, type Cidr } from '../base/cidr.ts';
import { isPort, parsePort, parseProtocol, type Port, type Protocol } from '../base/port.ts';
import { Field } from './slim-field.ts';
import { readMeta, readPrefix, type SlimMeta } from './slim-meta.ts';
import { readSelector } from './slim-selector.ts';
import type { Selector } from './meta.ts';

export type PolicyDirection = 'ingress' | 'egress';

export interface NetworkPolicy extends SlimMeta {
  /** Pods of the policy's own namespace that it isolates; empty for all of them. */
  readonly podSelector: Selector;
  /** Rules of the directions in which its pods are isolated; undefined for a direction that it says nothing of. */
  readonly ingress: readonly PolicyRule[] | undefined;
  readonly egress: readonly PolicyRule[] | undefined;
}

/** Lets in or out what is with one of the peers and to one of the ports. */
export interface PolicyRule {
  /** Undefined for everybody. */
  readonly peers: readonly PolicyPeer[] | undefined;
  /** Undefined for every port of every protocol. */
  readonly ports: readonly PolicyPort[] | undefined;
}

export type PolicyPeer =
  | {
      readonly kind: 'pods';
      /** Undefined for the policy's own namespace. */
      readonly namespaces: Selector | undefined;
      /** Empty for all pods of those namespaces. */
      readonly pods: Selector;
    }
  | { readonly kind: 'block'; readonly cidr: Cidr; readonly except: readonly Cidr[] };

/** `port` undefined stands for every port of the protocol; a text is the name of a container's port. `endPort` is the last one of a range. */
export interface PolicyPort {
  readonly protocol: Protocol;
  readonly port: Port | string | undefined;
  readonly endPort: Port | undefined;
}

/** Reads a NetworkPolicy; throws `invalid` naming the field. What cannot be understood is never taken for less than it says. */
export function parseNetworkPolicy(raw: unknown): NetworkPolicy {
  const root = Field.root('NetworkPolicy', raw);
  const spec = root.at('spec');
  const types = readTypes(spec);
  return {
    ...readMeta(root),
    podSelector: spec.at('podSelector').isAbsent ? [] : readSelector(spec.at('podSelector')),
    ingress: types.has('Ingress') ? readRules(spec.at('ingress'), 'from') : undefined,
    egress: types.has('Egress') ? readRules(spec.at('egress'), 'to') : undefined,
  };
}

/**
 * What stands for a policy that `parseNetworkPolicy` refuses: its pods, or all of its namespace where these cannot be read either, are isolated and let
 * nothing through. Undefined where not even the names can be read.
 */
export function closedPolicy(raw: unknown): NetworkPolicy | undefined {
  const root = Field.root('NetworkPolicy', raw);
  const meta = tried(() => readMeta(root));
  const selector = root.at('spec.podSelector');
  const podSelector = selector.isAbsent ? [] : tried(() => readSelector(selector));
  return meta && { ...meta, podSelector: podSelector ?? [], ingress: [], egress: [] };
}

function tried<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** Absent: Ingress always, Egress where there are rules for it. */
function readTypes(spec: Field): ReadonlySet<string> {
  const types = spec.at('policyTypes').list();
  if (types.length > 0) return new Set(types.map(readType));
  return new Set(spec.at('egress').list().length > 0 ? ['Ingress', 'Egress'] : ['Ingress']);
}

function readType(field: Field): string {
  const type = field.text();
  return type === 'Ingress' || type === 'Egress' ? type : field.fail('must be Ingress or Egress');
}

function readRules(field: Field, peers: 'from' | 'to'): readonly PolicyRule[] {
  return field.list().map((rule) => ({
    peers: listUnlessEmpty(rule.at(peers), readPeer),
    ports: listUnlessEmpty(rule.at('ports'), readPort),
  }));
}

/** "If this field is empty or missing, this rule matches all": what it matches is everybody, not nobody. */
function listUnlessEmpty<T>(field: Field, read: (item: Field) => T): readonly T[] | undefined {
  const items = field.list();
  return items.length === 0 ? undefined : items.map(read);
}

function readPeer(field: Field): PolicyPeer {
  const [pods, namespaces, block] = ['podSelector', 'namespaceSelector', 'ipBlock'].map((it) => field.at(it));
  const hasSelector = pods?.isAbsent === false || namespaces?.isAbsent === false;
  if (block?.isAbsent === false) {
    return hasSelector ? field.fail('must not have both an ipBlock and a selector') : readBlock(block);
  }
  if (!hasSelector) return field.fail('must have a podSelector, a namespaceSelector or an ipBlock');
  return {
    kind: 'pods',
    namespaces: namespaces === undefined || namespaces.isAbsent ? undefined : readSelector(namespaces),
    pods: pods === undefined || pods.isAbsent ? [] : readSelector(pods),
  };
}

function readBlock(field: Field): PolicyPeer {
  const cidr = readPrefix(field.at('cidr'));
  const except = field.at('except').list();
  return {
    kind: 'block',
    cidr,
    except: except.map((it) => {
      const hole = readPrefix(it);
      return cidrHasCidr(cidr, hole) ? hole : it.fail(`must lie within ${cidr}`);
    }),
  };
}

function readPort(field: Field): PolicyPort {
  const protocol = field.at('protocol');
  const port = readPortReference(field.at('port'));
  const end = field.at('endPort');
  const endPort = end.isAbsent ? undefined : end.parse(parsePort);
  if (endPort !== undefined && (!isPort(port) || endPort < port))
    return end.fail('must follow a port number that is not greater');
  return { protocol: protocol.isAbsent ? 'TCP' : protocol.parse(parseProtocol), port, endPort };
}

function readPortReference(field: Field): Port | string | undefined {
  if (field.isAbsent) return undefined;
  return typeof field.value === 'string' ? field.value : field.parse(parsePort);
}
