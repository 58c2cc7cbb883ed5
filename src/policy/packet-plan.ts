// Which connections between pods that run would show what a question asks: near and far ones, where there are both.

import { familyOf, tryParseIp } from '../base/ip.ts';
import { listOf, objectOf, textOf } from '../objects/json.ts';
import { namespaceOf, type PlacedObject } from './placed-object.ts';
import type { Question } from './question.ts';
import { ownerKey, type Workload } from './workload.ts';

/** How long an answer is waited for before a packet counts as dropped, where nobody says otherwise. */
export const SILENCE_MS = 1_000;

/** A connection to try from a pod that is ready. */
export interface PacketProbe {
  /** "namespace/name". */
  readonly from: string;
  readonly fromUid: string;
  readonly node: string;
  readonly host: string;
  readonly port: number;
  readonly protocol: 'TCP' | 'UDP';
}

export type PacketPlan =
  | { readonly kind: 'probes'; readonly probes: readonly PacketProbe[] }
  /** Why no packet can show it. */
  | { readonly kind: 'none'; readonly why: string };

interface LivePod {
  readonly key: string;
  readonly uid: string;
  readonly node: string;
  readonly ips: readonly string[];
  readonly isHostNetwork: boolean;
}

/** Of the objects of a cluster: which pods each workload has. */
export class PacketPlanner {
  readonly #pods = new Map<PlacedObject, LivePod[]>();

  constructor(objects: readonly PlacedObject[]) {
    const byKey = new Map(
      objects.map((it) => [ownerKey(namespaceOf(it), it.object.kind, it.object.metadata.name), it]),
    );
    for (const placed of objects) {
      const pod = placed.object.kind === 'Pod' ? livePodOf(placed) : undefined;
      if (pod === undefined) continue;
      for (let it: PlacedObject | undefined = placed; it !== undefined; it = ownerOf(it, byKey))
        this.#pods.set(it, [...(this.#pods.get(it) ?? []), pod]);
    }
  }

  /** At most one connection on a node and one between nodes. */
  plan({ from, to, family, protocol, port }: Question): PacketPlan {
    if (protocol === 'SCTP') return { kind: 'none', why: 'SCTP is not tried' };
    if (from.kind !== 'workload') return { kind: 'none', why: 'connections begin in pods alone' };
    if (to.kind !== 'workload') return { kind: 'none', why: 'connections go to pods alone' };
    const [sources, targets] = [this.#of(from.workload), this.#of(to.workload)];
    if (sources.length === 0 || targets.length === 0) return { kind: 'none', why: 'no pod of it is ready' };
    if (sources.some((it) => it.isHostNetwork)) return { kind: 'none', why: 'a node is no pod' };
    const pairs = sources.flatMap((source) =>
      targets.filter((it) => it !== source || targets.length === 1).map((target) => ({ source, target })),
    );
    const chosen = [true, false].flatMap(
      (isNear) => pairs.find(({ source, target }) => (source.node === target.node) === isNear) ?? [],
    );
    const probes = chosen.flatMap(({ source, target }): readonly PacketProbe[] => {
      const host = target.ips.find((ip) => isOfFamily(ip, family));
      const { key, uid, node } = source;
      return host === undefined ? [] : [{ from: key, fromUid: uid, node, host, port, protocol }];
    });
    return probes.length === 0
      ? { kind: 'none', why: `no pod of it has IPv${family}` }
      : { kind: 'probes', probes };
  }

  #of({ placed }: Workload): readonly LivePod[] {
    return this.#pods.get(placed) ?? [];
  }
}

function ownerOf(placed: PlacedObject, all: ReadonlyMap<string, PlacedObject>): PlacedObject | undefined {
  const owners = listOf(objectOf(placed.object.metadata)['ownerReferences']).map(objectOf);
  const owner = owners.find((it) => it['controller'] === true);
  return owner === undefined
    ? undefined
    : all.get(ownerKey(namespaceOf(placed), owner['kind'], owner['name']));
}

/** Undefined of a pod that is not ready. */
function livePodOf(placed: PlacedObject): LivePod | undefined {
  const { metadata } = placed.object;
  const [spec, status] = [objectOf(placed.object['spec']), objectOf(placed.object['status'])];
  const conditions = listOf(status['conditions']).map(objectOf);
  const isReady = conditions.some((it) => it['type'] === 'Ready' && it['status'] === 'True');
  const { uid, deletionTimestamp } = objectOf(metadata);
  const node = textOf(spec['nodeName']);
  if (!isReady || deletionTimestamp !== undefined || node === undefined) return undefined;
  return {
    key: `${namespaceOf(placed)}/${metadata.name}`,
    uid: textOf(uid) ?? '',
    node,
    ips: listOf(status['podIPs']).flatMap((it) => textOf(objectOf(it)['ip']) ?? []),
    isHostNetwork: spec['hostNetwork'] === true,
  };
}

function isOfFamily(text: string, family: 4 | 6): boolean {
  const ip = tryParseIp(text);
  return ip !== undefined && familyOf(ip) === family;
}
