// Gives every Node its pod prefixes, one per family, out of the cluster's. What is free follows from the Node objects alone.

import {
  cidrBase,
  cidrFamily,
  cidrLength,
  cidrSubnetAt,
  parseCidr,
  cidrsOverlap,
  type Cidr,
} from '../base/cidr.ts';
import { ipToBigInt } from '../base/ip.ts';
import { NODES } from '../kube/resource.ts';
import type { Node } from '../objects/api-types.ts';
import { patchAction, type Action } from './action.ts';
import { clusterKey, type Controller, type ReconcileContext } from './controller.ts';

export interface SubnetPlan {
  /** At most one per family, the primary family first. */
  readonly podCidrs: readonly Cidr[];
  readonly nodePrefixLengths: { readonly 4: number; readonly 6: number };
}

export function nodeSubnetController(plan: SubnetPlan): Controller {
  return {
    name: 'node-subnet-controller',
    sources: [clusterKey(NODES)],
    reconcile: (_key, context) => allocateSubnets(plan, context),
    concurrency: 1,
  };
}

/** All Nodes in one look, so that two new ones never get the same prefix; a change of the Node meanwhile refuses the patch. */
export function allocateSubnets(
  plan: SubnetPlan,
  { cluster }: Pick<ReconcileContext, 'cluster'>,
): readonly Action[] {
  const nodes = [...cluster.of(NODES).values()].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const taken = nodes.flatMap(prefixesOf).flatMap(readable);
  const pools = plan.podCidrs.map((pool) => new Pool(pool, plan.nodePrefixLengths[cidrFamily(pool)], taken));
  const actions: Action[] = [];
  for (const node of nodes) {
    if (prefixesOf(node).length > 0 || node.metadata.deletionTimestamp !== undefined) continue;
    const prefixes = pools.map((pool) => pool.take());
    const isComplete = prefixes.every((prefix) => prefix !== undefined);
    actions.push(isComplete ? assign(node, prefixes) : refuse(node, plan));
  }
  return actions;
}

function assign(node: Node, podCIDRs: readonly Cidr[]): Action {
  return patchAction(NODES, node, { spec: { podCIDR: podCIDRs[0], podCIDRs } });
}

function refuse(node: Node, plan: SubnetPlan): Action {
  const message = `Node ${node.metadata.name} gets no pod prefix: ${plan.podCidrs.join(', ')} are used up`;
  return { kind: 'event', about: node, event: { type: 'Warning', reason: 'CIDRNotAvailable', message } };
}

/** Unreadable ones count as there (the node is left alone) but take nothing. */
function prefixesOf(node: Node): readonly string[] {
  const listed = node.spec?.podCIDRs ?? [];
  return (listed.length > 0 ? listed : [node.spec?.podCIDR ?? '']).filter((text) => text !== '');
}

function readable(text: string): readonly Cidr[] {
  try {
    return [parseCidr(text)];
  } catch {
    return []; // Named by the server's validation; nothing can be allocated from it or around it.
  }
}

/** The free subnets of one prefix, lowest first. */
class Pool {
  readonly #pool: Cidr;
  readonly #prefixLength: number;
  readonly #taken: ReadonlySet<number>;
  #next = 0;

  constructor(pool: Cidr, prefixLength: number, taken: readonly Cidr[]) {
    this.#pool = pool;
    this.#prefixLength = prefixLength;
    this.#taken = new Set(taken.flatMap((each) => this.#indexesOf(each)));
  }

  take(): Cidr | undefined {
    const count = 2 ** (this.#prefixLength - cidrLength(this.#pool));
    while (this.#taken.has(this.#next)) this.#next++;
    return this.#next < count ? cidrSubnetAt(this.#pool, this.#prefixLength, this.#next++) : undefined;
  }

  /** The subnets that a prefix in use covers: several where it is shorter than ours. */
  #indexesOf(prefix: Cidr): readonly number[] {
    if (cidrFamily(prefix) !== cidrFamily(this.#pool) || !cidrsOverlap(prefix, this.#pool)) return [];
    const width = cidrFamily(prefix) === 4 ? 32 : 128;
    const step = BigInt(width - this.#prefixLength);
    const offset = ipToBigInt(cidrBase(prefix)) - ipToBigInt(cidrBase(this.#pool));
    const first = offset < 0n ? 0 : Number(offset >> step);
    const covers =
      2 ** Math.max(0, this.#prefixLength - Math.max(cidrLength(prefix), cidrLength(this.#pool)));
    return Array.from({ length: covers }, (_, i) => first + i);
  }
}
