// What policies mean for this node, compiled again where something that decides it has changed.

import type { Cidr } from '../base/cidr.ts';
import type { Ip } from '../base/ip.ts';
import type { LearnedNames } from '../compile/policy/addresses.ts';
import { PolicyCompiler, type PolicyChanges } from '../compile/policy/policy-compiler.ts';
import { CLUSTER_DNS_SERVICE } from '../compile/service-model.ts';
import type { PodLink, PolicyView } from '../backends/shared-node/policy-backend.ts';
import type { Changes } from '../store/change-stream.ts';
import type { Snapshot } from '../store/store.ts';
import { policyObjectsOf } from './cluster-watch.ts';
import type { AgentConfig } from './config.ts';
import {
  CLUSTER_NETWORK_POLICY_KIND,
  IDENTITY_KIND,
  NAMESPACE_KIND,
  NETWORK_POLICY_KIND,
  NODE_KIND,
  POD_KIND,
  SERVICE_KIND,
} from './watched-kinds.ts';

const POLICIES = [NETWORK_POLICY_KIND, CLUSTER_NETWORK_POLICY_KIND].map((it) => it.name);
const PEERS = [NODE_KIND, NAMESPACE_KIND, IDENTITY_KIND].map((it) => it.name);

/** Which names the node's DNS has answered with which addresses. */
export interface LearnedSource {
  /** Of the moment: changed in place. */
  readonly names: LearnedNames;
  /** Addresses that have other names than at the call before. */
  takeChanged(): ReadonlySet<Ip>;
}

/** What policies mean, and where addresses mean something else than before. */
export interface PolicyState {
  /** Undefined while not everything is known that decides; the same view while nothing changed. */
  readonly view: PolicyView | undefined;
  /** Undefined for any. */
  readonly changedAddresses: ReadonlySet<Cidr> | undefined;
}

export class PolicyPart {
  readonly #compiler: PolicyCompiler;
  readonly #links: () => readonly PodLink[];
  readonly #learned: LearnedSource;
  #view: PolicyView | undefined;

  /** `links` are the node's pod links of the moment; the same list while none changed. */
  constructor(
    config: Pick<AgentConfig, 'nodeName' | 'podCidrs' | 'dnsIps' | 'nodeLocalDnsIps'>,
    { links, learned }: { readonly links: () => readonly PodLink[]; readonly learned: LearnedSource },
  ) {
    const { nodeName, podCidrs } = config;
    const dnsIps = [...config.dnsIps, ...config.nodeLocalDnsIps];
    this.#compiler = new PolicyCompiler({ nodeName, cluster: { podCidrs, dnsIps } });
    this.#links = links;
    this.#learned = learned;
  }

  compile(state: Snapshot, changes: Changes | undefined): PolicyState {
    const links = this.#links();
    const before = this.#view;
    const learned = this.#learned.takeChanged();
    const decided = before === undefined || changes === undefined ? undefined : decidedBy(changes, learned);
    if (before !== undefined && decided !== undefined && isNothing(decided)) {
      if (before.links !== links) this.#view = { ...before, links };
      return { view: this.#view, changedAddresses: NONE };
    }
    const objects = policyObjectsOf(state);
    if (objects === undefined) return { view: (this.#view = undefined), changedAddresses: undefined };
    const all = { ...objects, learned: this.#learned.names };
    const { policies, changedAddresses } = this.#compiler.follow(all, decided);
    this.#view = { ...policies, links };
    return { view: this.#view, changedAddresses };
  }
}

const NONE: ReadonlySet<never> = new Set();

function decidedBy(changes: Changes, learned: ReadonlySet<Ip>): PolicyChanges {
  const has = (kinds: readonly string[]): boolean => kinds.some((it) => (changes.get(it)?.size ?? 0) > 0);
  const isDnsOther = changes.get(SERVICE_KIND.name)?.has(CLUSTER_DNS_SERVICE) === true;
  const pods = changes.get(POD_KIND.name) ?? NONE;
  return { policies: has(POLICIES), peers: has(PEERS) || isDnsOther, pods, learned };
}

function isNothing({ policies, peers, pods, learned }: PolicyChanges): boolean {
  return !policies && !peers && pods.size === 0 && learned.size === 0;
}
