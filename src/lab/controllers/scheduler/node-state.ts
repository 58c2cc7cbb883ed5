// A node as the scheduler sees it: what it offers, and what its pods take already. Pure but for its own sums.

import type { Node, Pod } from '../../../objects/api-types.ts';
import { quantityMillisOr } from '../../../objects/quantity.ts';

export interface HostPort {
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

/** Requests in thousandths, by resource name. */
export type Requests = ReadonlyMap<string, number>;

const DEFAULT_MAX_PODS = 110;

export class NodeState {
  readonly node: Node;
  readonly pods: Pod[] = [];
  readonly #allocatable: Requests;
  readonly #used = new Map<string, number>();
  readonly #hostPorts: HostPort[] = [];

  constructor(node: Node, pods: Iterable<Pod>) {
    this.node = node;
    const offered = node.status?.allocatable ?? node.status?.capacity ?? {};
    this.#allocatable = new Map(
      Object.entries(offered).map(([name, text]) => [name, quantityMillisOr(text, 0)]),
    );
    for (const pod of pods) this.add(pod);
  }

  get name(): string {
    return this.node.metadata.name;
  }

  add(pod: Pod): void {
    this.pods.push(pod);
    this.#hostPorts.push(...hostPortsOf(pod));
    for (const [name, millis] of requestsOf(pod)) this.#used.set(name, (this.#used.get(name) ?? 0) + millis);
  }

  /** Names of resources that the pod would need more of than is left; a node that says nothing of cpu or memory has enough. */
  lacking(requests: Requests): readonly string[] {
    const lacking = [...requests].filter(([name, millis]) => {
      const offered = this.#allocatable.get(name);
      if (offered === undefined) return name !== 'cpu' && name !== 'memory';
      return millis > 0 && (this.#used.get(name) ?? 0) + millis > offered;
    });
    return lacking.map(([name]) => name);
  }

  get hasRoom(): boolean {
    return this.pods.length < (this.#allocatable.get('pods') ?? DEFAULT_MAX_PODS * 1000) / 1000;
  }

  hasFreePorts(wanted: readonly HostPort[]): boolean {
    return !wanted.some((port) => this.#hostPorts.some((taken) => clash(port, taken)));
  }

  /** The part that is used of the scarcer of cpu and memory, from 0 to 1. */
  get load(): number {
    const parts = ['cpu', 'memory'].map((name) => {
      const offered = this.#allocatable.get(name) ?? 0;
      return offered === 0 ? 0 : (this.#used.get(name) ?? 0) / offered;
    });
    return Math.max(...parts);
  }
}

/** The sum over the containers, or the largest init container where that is more. */
export function requestsOf(pod: Pod): Requests {
  const total = new Map<string, number>();
  for (const container of pod.spec?.containers ?? []) {
    for (const [name, millis] of containerRequests(container.resources)) {
      total.set(name, (total.get(name) ?? 0) + millis);
    }
  }
  for (const container of pod.spec?.initContainers ?? []) {
    for (const [name, millis] of containerRequests(container.resources)) {
      total.set(name, Math.max(total.get(name) ?? 0, millis));
    }
  }
  for (const [name, text] of Object.entries(pod.spec?.overhead ?? {})) {
    total.set(name, (total.get(name) ?? 0) + quantityMillisOr(text, Infinity));
  }
  return total;
}

export function hostPortsOf(pod: Pod): readonly HostPort[] {
  const isHost = pod.spec?.hostNetwork === true;
  return (pod.spec?.containers ?? []).flatMap((container) =>
    (container.ports ?? []).flatMap(({ containerPort, hostPort, hostIP, protocol = 'TCP' }) => {
      const port = hostPort ?? (isHost ? containerPort : 0);
      return port === 0 ? [] : [{ ip: hostIP ?? '0.0.0.0', protocol, port }];
    }),
  );
}

/** A limit without a request is the request (the API's own default rule). */
function containerRequests(
  resources:
    | {
        readonly limits?: Readonly<Record<string, string>>;
        readonly requests?: Readonly<Record<string, string>>;
      }
    | undefined,
): Requests {
  const wanted = { ...resources?.limits, ...resources?.requests };
  return new Map(Object.entries(wanted).map(([name, text]) => [name, quantityMillisOr(text, Infinity)]));
}

function clash(a: HostPort, b: HostPort): boolean {
  const isSameAddress = a.ip === b.ip || isAny(a.ip) || isAny(b.ip);
  return a.port === b.port && a.protocol === b.protocol && isSameAddress;
}

function isAny(ip: string): boolean {
  return ip === '0.0.0.0' || ip === '::';
}
