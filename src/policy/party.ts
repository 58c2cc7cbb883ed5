// Who is asked about: the names by which people call the ends of a connection.

import { FairleadError } from '../base/errors.ts';
import { tryParseIp, type Ip } from '../base/ip.ts';
import type { PolicyEnd } from '../oracle/policy-end.ts';
import { twinOf, type PolicyWorld } from './policy-world.ts';
import { nameOfWorkload, workloadKindOf, type Workload } from './workload.ts';

/** An end of a connection: something that runs pods, a node's own processes, or an address. */
export type Party =
  | { readonly kind: 'workload'; readonly workload: Workload }
  | { readonly kind: 'node'; readonly name: string }
  /** `domain`: the name that was asked about, where the address stands for it. */
  | { readonly kind: 'address'; readonly ip: Ip; readonly domain?: string };

export function nameOfParty(party: Party): string {
  switch (party.kind) {
    case 'workload':
      return nameOfWorkload(party.workload);
    case 'node':
      return `node/${party.name}`;
    case 'address':
      return party.domain ?? party.ip;
    default:
      return party satisfies never;
  }
}

/**
 * "namespace/kind/name", "namespace/name" (whatever runs pods and has the name), "name" (in `namespace`), "node/name" or an address. Throws
 * `invalid` for what cannot be meant and for what is not in the world, with names that are.
 */
export function findParty(world: PolicyWorld, text: string, namespace: string): Party {
  const ip = tryParseIp(text.replace(/^\[(.*)\]$/, '$1'));
  if (ip !== undefined) return { kind: 'address', ip };
  const words = text.split('/');
  if (words.includes('') || words.length > 3)
    throw new FairleadError(
      'invalid',
      `Cannot read "${text}": write NAMESPACE/NAME, NAMESPACE/KIND/NAME, node/NAME or an address`,
    );
  const [name = '', second, third] = words.toReversed();
  if (second === 'node' && third === undefined) return findNode(world, name);
  return {
    kind: 'workload',
    workload: findWorkload(world, text, wantedOf(name, { second, third, namespace })),
  };
}

interface Wanted {
  readonly namespace: string;
  readonly kind: string | undefined;
  readonly name: string;
}

function wantedOf(
  name: string,
  {
    second,
    third,
    namespace,
  }: {
    readonly second?: string | undefined;
    readonly third?: string | undefined;
    readonly namespace: string;
  },
): Wanted {
  if (third === undefined) return { namespace: second ?? namespace, kind: undefined, name };
  const kind = workloadKindOf(second ?? '');
  if (kind === undefined)
    throw new FairleadError(
      'invalid',
      `Cannot read "${third}/${second}/${name}": "${second}" is no kind that runs pods`,
    );
  return { namespace: third, kind, name };
}

function findNode({ objects }: PolicyWorld, name: string): Party {
  if (objects.nodes.some((it) => it.metadata.name === name)) return { kind: 'node', name };
  throw new FairleadError(
    'invalid',
    `Cannot find node "${name}": the manifests have ${namesIn(objects.nodes.map((it) => it.metadata.name))}`,
  );
}

function findWorkload(world: PolicyWorld, text: string, wanted: Wanted): Workload {
  const isWanted = (it: Workload): boolean =>
    it.namespace === wanted.namespace &&
    it.name === wanted.name &&
    (wanted.kind === undefined || it.kind === wanted.kind);
  const [first, ...more] = world.workloads.filter(isWanted);
  const found = first ?? world.owned.find(isWanted);
  if (found === undefined) {
    const there = world.workloads.filter((it) => it.namespace === wanted.namespace).map(nameOfWorkload);
    const hint = there.length > 0 ? there : world.workloads.map(nameOfWorkload);
    throw new FairleadError('invalid', `Cannot find "${text}": the manifests have ${namesIn(hint)}`);
  }
  if (more.length > 0)
    throw new FairleadError(
      'invalid',
      `Cannot tell which "${text}" is meant: ${[found, ...more].map(nameOfWorkload).join(' or ')}`,
    );
  return found;
}

const MAX_NAMES = 8;

function namesIn(names: readonly string[]): string {
  if (names.length === 0) return 'none';
  const more = names.length - MAX_NAMES;
  return `${names.slice(0, MAX_NAMES).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** The two ends as the oracle takes them; a workload that speaks to itself speaks to another of its pods. */
export function endsOf(from: Party, to: Party): { readonly from: PolicyEnd; readonly to: PolicyEnd } {
  const isItself = from.kind === 'workload' && to.kind === 'workload' && from.workload === to.workload;
  return { from: endOf(from), to: endOf(to, isItself) };
}

function endOf(party: Party, isTwin = false): PolicyEnd {
  switch (party.kind) {
    case 'workload': {
      const { pod, namespace } = party.workload;
      const hasTwin = isTwin && pod.spec.hostNetwork !== true;
      return { kind: 'pod', namespace, name: hasTwin ? twinOf(party.workload) : pod.metadata.name };
    }
    case 'node':
      return party;
    case 'address':
      return { kind: 'outside', ip: party.ip };
    default:
      return party satisfies never;
  }
}
