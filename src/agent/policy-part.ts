// What policies mean for this node, compiled again where something that decides it has changed.

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
const PEERS = [NODE_KIND, POD_KIND, NAMESPACE_KIND, IDENTITY_KIND].map((it) => it.name);

export class PolicyPart {
  readonly #compiler: PolicyCompiler;
  readonly #links: () => readonly PodLink[];
  #view: PolicyView | undefined;

  /** `links` are the node's pod links of the moment; the same list while none changed. */
  constructor({ nodeName, podCidrs, dnsIps }: AgentConfig, links: () => readonly PodLink[]) {
    this.#compiler = new PolicyCompiler({ nodeName, cluster: { podCidrs, dnsIps } });
    this.#links = links;
  }

  /** Undefined while not everything is known that decides; the same view while nothing changed. */
  compile(state: Snapshot, changes: Changes | undefined): PolicyView | undefined {
    const links = this.#links();
    const before = this.#view;
    const decided = before === undefined || changes === undefined ? undefined : decidedBy(changes);
    if (before !== undefined && decided?.policies === false && !decided.peers) {
      if (before.links !== links) this.#view = { ...before, links };
      return this.#view;
    }
    const objects = policyObjectsOf(state);
    this.#view = objects && { ...this.#compiler.compile(objects, decided), links };
    return this.#view;
  }
}

function decidedBy(changes: Changes): PolicyChanges {
  const has = (kinds: readonly string[]): boolean => kinds.some((it) => (changes.get(it)?.size ?? 0) > 0);
  const isDnsOther = changes.get(SERVICE_KIND.name)?.has(CLUSTER_DNS_SERVICE) === true;
  return { policies: has(POLICIES), peers: has(PEERS) || isDnsOther };
}
