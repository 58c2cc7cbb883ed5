// What recommended policies open that nobody was seen to use: nothing, but where labels choose more pods than were meant, or blocks more addresses.

import { cidrHasIp, parseCidr, type Cidr } from '../../base/cidr.ts';
import { familyOf, type Ip } from '../../base/ip.ts';
import { bitsIn, noBits } from '../bits.ts';
import { DNS_LABELS, DNS_NAMESPACE, DNS_PORT } from '../cluster-dns.ts';
import { outsideSamples } from '../outside-samples.ts';
import { namedEnd } from '../policy-peer.ts';
import type { PolicyWorld } from '../policy-world.ts';
import type { Question } from '../question.ts';
import { Reach } from '../reach.ts';
import { columnsOf, portsText, type ReachColumn } from '../reach-column.ts';
import { isExempt, reachEnds, type ReachEnd } from '../reach-end.ts';
import { nameOfWorkload } from '../workload.ts';

export interface UnseenPair {
  readonly from: string;
  readonly to: string;
  /** "TCP 80 (http)". */
  readonly ports: string;
}

interface UnseenSettings {
  /** Those that are closed but for what policies open. */
  readonly namespaces: ReadonlySet<string>;
  readonly podCidrs: readonly Cidr[];
}

/** `world` has no policies but the recommended ones. Names, for which everybody may ask, are left aside. */
export function unseenPairs(
  world: PolicyWorld,
  questions: readonly Question[],
  { namespaces, podCidrs }: UnseenSettings,
): readonly UnseenPair[] {
  const seen = new SeenPorts(world, questions);
  const found = new Map<string, UnseenPair>();
  for (const family of [4, 6] as const) {
    const ends = reachEnds(world, family, outsideSamples([world.objects], family, podCidrs));
    const reach = new Reach(world, ends);
    const isClosed = ({ kind, namespace }: ReachEnd): boolean => kind === 'pod' && namespaces.has(namespace);
    const isUnseen = (from: ReachEnd, to: ReachEnd, column: ReachColumn): boolean =>
      (isClosed(from) || isClosed(to)) &&
      !isExempt(from, to) &&
      !areNames(to, column) &&
      !seen.has(from, to, column);
    for (const [at, to] of ends.entries())
      for (const column of columnsOf([reach], at)) {
        const ports = portsText(column);
        const sources = [...bitsIn(column.sources[0] ?? noBits(0))].map((i) => ends[i] ?? to);
        for (const from of sources.filter((it) => isUnseen(it, to, column)))
          found.set(`${from.name} ${to.name} ${ports}`, { from: from.name, to: to.name, ports });
      }
  }
  return [...found.values()];
}

function areNames({ kind, namespace, labels }: ReachEnd, { asked, spans }: ReachColumn): boolean {
  const isServer = namespace === DNS_NAMESPACE && labels['k8s-app'] === DNS_LABELS['k8s-app'];
  const isPort = spans.every((it) => it.first === DNS_PORT && it.last === DNS_PORT);
  return kind === 'pod' && isServer && isPort && asked.protocol !== 'SCTP';
}

/** Which ports were seen between two ends, of which what is no pod is known by its address. */
class SeenPorts {
  readonly #ports = new Map<string, Set<string>>();
  readonly #addresses = new Set<Ip>();

  constructor(world: PolicyWorld, questions: readonly Question[]) {
    for (const question of questions) {
      const [source, destination] = (['from', 'to'] as const).map((side) => {
        const end = namedEnd(world, question, side);
        if (end.kind === 'pods') return nameOfWorkload(end.workload);
        this.#addresses.add(end.ip);
        return end.ip;
      });
      const key = `${source} ${destination}`;
      const ports = this.#ports.get(key) ?? new Set();
      this.#ports.set(key, ports.add(`${question.protocol} ${question.port}`));
    }
  }

  /** True where every port of the column was. */
  has(from: ReachEnd, to: ReachEnd, { asked: { protocol }, spans }: ReachColumn): boolean {
    const seen = this.#namesOf(from).flatMap((source) =>
      this.#namesOf(to).flatMap((destination) => this.#ports.get(`${source} ${destination}`) ?? []),
    );
    const isSeen = (port: number): boolean => seen.some((it) => it.has(`${protocol} ${port}`));
    return spans.every((span) => {
      for (let port = span.first; port <= span.last; port++) if (!isSeen(port)) return false;
      return true;
    });
  }

  #namesOf({ kind, name, ip }: ReachEnd): readonly string[] {
    if (kind === 'pod') return [name];
    if (kind === 'node') return [ip];
    // The block that a sample stands for is its name.
    const block = name.includes('/') ? parseCidr(name) : undefined;
    return [...this.#addresses].filter(
      (it) => it === ip || (block !== undefined && familyOf(it) === familyOf(ip) && cidrHasIp(block, it)),
    );
  }
}
