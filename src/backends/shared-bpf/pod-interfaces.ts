// The host sides of pods: which addresses each may send from, and the programs on it. The map in the kernel is the only record.

import type { Ip } from '../../base/ip.ts';
import type { Mac } from '../../base/mac.ts';
import { programId } from '../../sys/bpf-pin.ts';
import {
  attachedTcProgram,
  attachTc,
  createTcHook,
  destroyTcHook,
  type TcDirection,
} from '../../sys/bpf-tc.ts';
import type { NodeMaps } from './node-maps.ts';

/** The host side of a pod's veth and what the pod may send from; at most four addresses. */
export interface PodInterface {
  readonly ifindex: number;
  readonly mac: Mac;
  readonly ips: readonly Ip[];
}

export interface PodInterfaces {
  /** Call it before the interface goes up: from then on it carries the pod's own packets alone. Idempotent; again with other addresses changes them. */
  attach(pod: PodInterface): void;
  /** Idempotent; the interface may be gone. */
  detach(ifindex: number): void;
  list(): readonly PodInterface[];
}

/** The programs of both directions, seen from the host side: what the pod sends comes in there. */
export interface PodPrograms {
  readonly podEgress: number;
  readonly podIngress: number;
}

/** Runs `visit` in the namespace of the interfaces. */
export type InNamespace = <T>(visit: () => T) => T;

export function podInterfaces(
  maps: NodeMaps,
  programs: PodPrograms,
  inNamespace: InNamespace,
): PodInterfaces {
  const both = [
    { direction: 'ingress', program: programs.podEgress, id: programId(programs.podEgress) },
    { direction: 'egress', program: programs.podIngress, id: programId(programs.podIngress) },
  ] as const;
  return {
    attach: ({ ifindex, mac, ips }) => {
      maps.podInterfaces.update({ ifindex }, { mac, ips });
      inNamespace(() => {
        createTcHook(ifindex);
        for (const it of both) attachUnlessThere(ifindex, it);
      });
    },
    detach: (ifindex) => {
      inNamespace(() => destroyTcHook(ifindex));
      maps.podInterfaces.delete({ ifindex });
    },
    list: () => maps.podInterfaces.entries().map(([{ ifindex }, { mac, ips }]) => ({ ifindex, mac, ips })),
  };
}

function attachUnlessThere(
  ifindex: number,
  it: { readonly direction: TcDirection; readonly program: number; readonly id: number },
): void {
  if (attachedTcProgram(ifindex, it.direction) !== it.id) attachTc(ifindex, it.direction, it.program);
}
