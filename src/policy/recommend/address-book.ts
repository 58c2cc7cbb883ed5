// Who has an address at the moment: the workload whose pod it is, the cluster's DNS, a node, or nobody of the cluster.

import type { Ip } from '../../base/ip.ts';
import { allAddresses } from '../../oracle/policy-end.ts';
import { DNS_END, dnsAddresses } from '../cluster-dns.ts';
import { knownIpsOf, type PolicyWorld } from '../policy-world.ts';
import { controllerOf, nameOfWorkload, ownerKey, type Workload } from '../workload.ts';

export interface AddressOwner {
  /** As records name it: an address stands for itself. */
  readonly text: string;
  readonly isPod: boolean;
  /** Of a pod the node that it is on, of a node itself. */
  readonly node: string | undefined;
  /** Whose an address is that is no pod's: "node node-1", "endpoint of default/kubernetes". */
  readonly about: string | undefined;
}

export class AddressBook {
  readonly #owners = new Map<Ip, AddressOwner>();
  readonly #services: ReadonlyMap<string, string>;

  /** Of a world that a cluster has, with pods and their addresses; `services` by the addresses of their endpoints. */
  constructor(world: PolicyWorld, services: ReadonlyMap<string, string> = new Map()) {
    this.#services = services;
    for (const node of world.objects.nodes)
      for (const ip of allAddresses(node))
        this.#owners.set(ip, {
          text: ip,
          isPod: false,
          node: node.metadata.name,
          about: `node ${node.metadata.name}`,
        });
    for (const ip of dnsAddresses(world))
      this.#owners.set(ip, { text: DNS_END, isPod: false, node: undefined, about: undefined });
    const all = [...world.workloads, ...world.owned];
    const byKey = new Map(all.map((it) => [ownerKey(it.namespace, it.kind, it.name), it]));
    for (const workload of all) {
      const { kind, pod } = workload;
      if (kind !== 'Pod' || pod.spec.hostNetwork === true) continue;
      const text = nameOfWorkload(topOf(workload, byKey));
      for (const ip of knownIpsOf(pod))
        this.#owners.set(ip, { text, isPod: true, node: pod.spec.nodeName, about: undefined });
    }
  }

  find(ip: Ip): AddressOwner {
    const known = this.#owners.get(ip);
    if (known !== undefined) return known;
    const service = this.#services.get(ip);
    const about = service === undefined ? undefined : `endpoint of ${service}`;
    return { text: ip, isPod: false, node: undefined, about };
  }
}

/** What made the pod, and what made that. */
function topOf(workload: Workload, byKey: ReadonlyMap<string, Workload>): Workload {
  let top = workload;
  const seen = new Set<Workload>();
  for (let next: Workload | undefined = top; next !== undefined && !seen.has(next);) {
    top = next;
    seen.add(top);
    next = byKey.get(controllerOf(top.placed) ?? '');
  }
  return top;
}
