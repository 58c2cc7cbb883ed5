// Where pods that come meet their policies: keeps the node's pod links, gives a new one the standing that its policies say if they are in the kernel, and
// lets nobody go on before they are.

import { policyMode, setPolicyMode } from '../backends/shared-bpf/policy-mode.ts';
import { CLOSED_STANDING, type PodStanding } from '../backends/shared-bpf/pod-interfaces.ts';
import type { PodLink, PolicyView } from '../backends/shared-node/policy-backend.ts';
import { standingOf } from '../backends/shared-node/pod-standing.ts';
import type { Clock } from '../base/clock.ts';
import { POLICY_MODES } from '../base/policy-numbers.ts';
import type { DatapathPod, GatedPod } from '../cni/doors.ts';
import type { Lease } from '../cni/lease-store.ts';
import type { AgentContext } from './agent-context.ts';
import { bridgesOf } from './bridged-pods.ts';
import type { NodeDoors } from './node-doors.ts';
import { objectKey } from '../objects/slim-meta.ts';

export interface PolicyDeskOptions {
  readonly clock: Clock;
  /** Told when the links are others. */
  readonly onLinks: () => void;
  /** Told of a pod that goes on without: closed until its policies are known. */
  readonly onLate: (pod: GatedPod) => void;
}

/** How long a pod waits for its policies. What is not known then is denied until it is. */
const PATIENCE_MS = 3_000;

export class PolicyDesk {
  readonly #options: PolicyDeskOptions;
  readonly #waiting = new Set<() => void>();
  #links: readonly PodLink[];
  #programmed: PolicyView | undefined;
  /** Links whose standing was known when they came. */
  readonly #welcomed = new Set<number>();

  /** `known` are the links that the kernel has from before. */
  constructor(known: readonly PodLink[], options: PolicyDeskOptions) {
    this.#links = known;
    this.#options = options;
  }

  links = (): readonly PodLink[] => this.#links;

  /** What the leases of before say of whose the links are. */
  learn(leases: readonly Lease[]): void {
    const owners = new Map(leases.map(({ ifindex, pod }) => [ifindex, pod]));
    this.#links = this.#links.map((link) => {
      const names = owners.get(link.ifindex);
      return names === undefined ? link : { ...link, pod: { key: objectKey(names), uid: names.uid } };
    });
  }

  /** A link that comes; what it may until more is known. */
  add({ ifindex, ips, names, bridge }: DatapathPod): PodStanding {
    const pod = names && { key: objectKey(names), uid: names.uid };
    const link = { ifindex, ips, pod, bridge };
    this.#links = [...this.#links.filter((it) => it.ifindex !== ifindex), link];
    this.#options.onLinks();
    const standing = this.#standingOf(link);
    if (standing === undefined) return CLOSED_STANDING;
    this.#welcomed.add(ifindex);
    return standing;
  }

  remove(ifindex: number): void {
    if (!this.#links.some((it) => it.ifindex === ifindex)) return;
    this.#links = this.#links.filter((it) => it.ifindex !== ifindex);
    this.#welcomed.delete(ifindex);
    this.#options.onLinks();
  }

  /** The view is whole in the kernel. */
  programmed(view: PolicyView | undefined): void {
    this.#programmed = view;
    for (const look of this.#waiting) look();
  }

  /** Resolves when the pod's policies are in force, or when it has been waited for long enough: then nothing is let through. */
  async waitFor(pod: GatedPod, signal: AbortSignal): Promise<void> {
    const isThere = (): boolean =>
      this.#links.some((it) => it.ips.some((ip) => pod.ips.includes(ip)) && this.#isInForce(it));
    if (isThere()) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = (): void => {
      if (isThere()) resolve();
    };
    this.#waiting.add(look);
    const patience = new AbortController();
    const late = this.#options.clock
      .sleep(PATIENCE_MS, AbortSignal.any([signal, patience.signal]))
      .then(() => this.#options.onLate(pod))
      .catch(() => undefined);
    try {
      await Promise.race([promise, late]);
    } finally {
      this.#waiting.delete(look);
      patience.abort();
    }
  }

  /** Its standing was given when it came, or has been by a pass since. */
  #isInForce(link: PodLink): boolean {
    if (this.#standingOf(link) === undefined) return false;
    return this.#welcomed.has(link.ifindex) || this.#programmed?.links.includes(link) === true;
  }

  #standingOf(link: PodLink): PodStanding | undefined {
    return this.#programmed === undefined ? undefined : standingOf(this.#programmed, link);
  }
}

/** The desk of a node whose programs deny what is not known from its first pod on. */
export async function openPolicyDesk(
  { clock, log }: AgentContext,
  { bpf: { maps, podInterfaces }, netlink }: Pick<NodeDoors, 'bpf' | 'netlink'>,
  onLinks: () => void,
): Promise<PolicyDesk> {
  // A node that is new judges by these programs until its backend is whole; what judges already goes on.
  if (policyMode(maps) === POLICY_MODES.off) setPolicyMode(maps, POLICY_MODES.judges);
  const bridges = await bridgesOf(netlink);
  const known = podInterfaces
    .list()
    .map(({ ifindex, ips }) => ({ ifindex, ips, pod: undefined, bridge: bridges.get(ifindex) }));
  const onLate = ({ names, linkName }: GatedPod): void => {
    const pod = names === undefined ? `of link ${linkName}` : objectKey(names);
    log.warn(
      { pod },
      `Policies of pod ${pod} are not known yet: it reaches its own node alone until they are`,
    );
  };
  return new PolicyDesk(known, { clock, onLinks, onLate });
}
