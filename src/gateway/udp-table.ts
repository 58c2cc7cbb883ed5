// The nftables table that leads datagrams of UDP listeners to endpoints, in the namespace of the Gateway's pod. Pure.
//
//   client -> pod:53   prerouting -> port53 -(by weight)-> backend0v4 -(each alike)-> endpoint, from the pod's own address
//                                        \-> drop: the share of who leads nowhere, or has no endpoint of the client's family
//
// Connection tracking asks the rules about the first datagram of a flow alone.

import { createHash } from 'node:crypto';
import { familyOf, type Family } from '../base/ip.ts';
import type { ProxyBackend, ProxyModel, StreamTarget } from '../model/gateway.ts';

export const UDP_TABLE = { family: 'inet', name: 'fairlead-gateway-udp' } as const;

export interface UdpChain {
  readonly name: string;
  /** "nat hook prerouting priority dstnat"; undefined for one that others go to. */
  readonly hook: string | undefined;
  readonly rules: readonly UdpRule[];
}

export interface UdpRule {
  readonly text: string;
  /** Comment of the rule in the kernel, a hash of its text: a rule cannot be changed, so that its comment tells what it is. */
  readonly mark: string;
}

const FAMILIES: readonly Family[] = [4, 6];
const BACKENDS = 'backend';

/** The chains in their order; undefined where there is no UDP listener. */
export function renderUdp(model: Pick<ProxyModel, 'udpPorts' | 'backends'>): readonly UdpChain[] | undefined {
  const { udpPorts, backends } = model;
  if (udpPorts.length === 0) return undefined;
  const book = new BackendBook(backends);
  const ports = udpPorts.flatMap(({ port, target }) =>
    target === undefined
      ? []
      : [
          {
            port,
            chain: chainOf(
              `port${port}`,
              FAMILIES.map((family) => choice(target, family, book)),
            ),
          },
        ],
  );
  const entries = ports.map(({ port, chain }) => `${port} : goto ${chain.name}`);
  // What was sent to the pod itself: it is nobody's router.
  const dispatch =
    entries.length === 0 ? [] : [`fib daddr type local udp dport vmap { ${entries.join(', ')} }`];
  return [
    chainOf('prerouting', dispatch, 'nat hook prerouting priority dstnat'),
    chainOf('forward', ['ct status dnat accept', 'drop'], 'filter hook forward priority filter'),
    // Datagrams leave by the link that they came by: no reason to tell clients of a shorter way.
    chainOf(
      'output',
      ['icmp type redirect drop', 'icmpv6 type nd-redirect drop'],
      'filter hook output priority filter',
    ),
    chainOf(
      'postrouting',
      // Ports that cannot be guessed: answers of DNS are accepted by them.
      ['meta l4proto udp ct status dnat masquerade fully-random'],
      'nat hook postrouting priority srcnat',
    ),
    ...ports.map(({ chain }) => chain),
    ...book.chains(),
  ];
}

/** One transaction, whatever is there; flows that stand go on by connection tracking. */
export function udpScript(chains: readonly UdpChain[]): string {
  const table = `${UDP_TABLE.family} ${UDP_TABLE.name}`;
  return [
    `add table ${table}`,
    `delete table ${table}`,
    `table ${table} {`,
    ...chains.flatMap(({ name, hook, rules }) => [
      `  chain ${name} {`,
      ...(hook === undefined ? [] : [`    type ${hook}; policy accept;`]),
      ...rules.map(({ text, mark }) => `    ${text} comment "${mark}"`),
      '  }',
    ]),
    '}',
    '',
  ].join('\n');
}

/** Chains that are led to, each once, by numbers: what objects are called does not come near nft. */
class BackendBook {
  readonly #backends: ProxyModel['backends'];
  readonly #numbers = new Map<string, number>();

  constructor(backends: ProxyModel['backends']) {
    this.#backends = backends;
  }

  /** Undefined where the backend has no endpoint of the family. */
  chainFor(id: string | undefined, family: Family): string | undefined {
    const backend = id === undefined ? undefined : this.#backends.get(id);
    if (backend === undefined || endpointsOf(backend, family).length === 0) return undefined;
    const number = this.#numbers.get(backend.id) ?? this.#numbers.size;
    this.#numbers.set(backend.id, number);
    return nameOf(number, family);
  }

  chains(): readonly UdpChain[] {
    return [...this.#numbers].flatMap(([id, number]) => {
      const backend = this.#backends.get(id);
      return backend === undefined ? [] : FAMILIES.flatMap((family) => backendChain(backend, number, family));
    });
  }
}

function backendChain(backend: ProxyBackend, number: number, family: Family): readonly UdpChain[] {
  const endpoints = endpointsOf(backend, family);
  if (endpoints.length === 0) return [];
  const elements = endpoints.map(({ ip, port }, at) => `${at} : ${ip} . ${port}`);
  const ip = family === 4 ? 'ip' : 'ip6';
  const draw = `numgen random mod ${endpoints.length} map { ${elements.join(', ')} }`;
  return [chainOf(nameOf(number, family), [`meta l4proto udp dnat ${ip} to ${draw}`])];
}

function nameOf(number: number, family: Family): string {
  return `${BACKENDS}${number}v${family}`;
}

function endpointsOf({ endpoints }: ProxyBackend, family: Family): ProxyBackend['endpoints'] {
  return endpoints.filter(({ ip }) => familyOf(ip) === family);
}

/** Who leads nowhere takes its share of datagrams and drops it. */
function choice({ backends }: StreamTarget, family: Family, book: BackendBook): string {
  let sum = 0;
  const ranges: string[] = [];
  let leadsSomewhere = false;
  for (const { backend, weight } of backends.filter((it) => it.weight > 0)) {
    const chain = book.chainFor(backend, family);
    leadsSomewhere ||= chain !== undefined;
    const range = weight === 1 ? `${sum}` : `${sum}-${sum + weight - 1}`;
    ranges.push(`${range} : ${chain === undefined ? 'drop' : `goto ${chain}`}`);
    sum += weight;
  }
  const verdict = leadsSomewhere ? `numgen random mod ${sum} vmap { ${ranges.join(', ')} }` : 'drop';
  return `meta nfproto ipv${family} ${verdict}`;
}

function chainOf(name: string, rules: readonly string[], hook?: string): UdpChain {
  return { name, hook, rules: rules.map((text) => ({ text, mark: markOf(text) })) };
}

function markOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
