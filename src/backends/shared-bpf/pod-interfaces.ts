// The host sides of pods: which addresses each may send from, and the programs on it. The map in the kernel is the only record.

import type { Ip } from '../../base/ip.ts';
import type { Mac } from '../../base/mac.ts';
import { POLICY_ISOLATED } from '../../wire/bpf-maps-policy.ts';
import { programId } from '../../sys/bpf-pin.ts';
import {
  attachedTcProgram,
  attachTc,
  createTcHook,
  destroyTcHook,
  type TcDirection,
} from '../../sys/bpf-tc.ts';
import type { NodeMaps } from './node-maps.ts';

/** Who a pod is to policies: see `pod_interface` of `wire/bpf-maps-links.ts`. */
export interface PodStanding {
  readonly identity: number;
  readonly subject: number;
  /** Bits of `POLICY_ISOLATED`. */
  readonly isolated: number;
}

/** Of a node that enforces no policies by these programs. */
export const OPEN_STANDING: PodStanding = { identity: 0, subject: 0, isolated: 0 };

/** Of a pod that nobody knows yet: its own node alone reaches it, and is reached. */
export const CLOSED_STANDING: PodStanding = {
  identity: 0,
  subject: 0,
  isolated: POLICY_ISOLATED.ingress | POLICY_ISOLATED.egress,
};

/** The host side of a pod's veth and what the pod may send from; at most four addresses. */
export interface PodInterface {
  readonly ifindex: number;
  readonly mac: Mac;
  readonly ips: readonly Ip[];
  /** Where it is left out, the one that the interface has, or `OPEN_STANDING`. */
  readonly standing?: PodStanding;
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
    attach: ({ ifindex, mac, ips, standing }) => {
      const { identity, subject, isolated } =
        standing ?? maps.podInterfaces.lookup({ ifindex }) ?? OPEN_STANDING;
      maps.podInterfaces.update({ ifindex }, { mac, ips, identity, subject, isolated });
      inNamespace(() => {
        createTcHook(ifindex);
        for (const it of both) attachUnlessThere(ifindex, it);
      });
    },
    detach: (ifindex) => {
      inNamespace(() => destroyTcHook(ifindex));
      maps.podInterfaces.delete({ ifindex });
    },
    list: () =>
      maps.podInterfaces
        .entries()
        .map(([{ ifindex }, { mac, ips, ...standing }]) => ({ ifindex, mac, ips, standing })),
  };
}

function attachUnlessThere(
  ifindex: number,
  it: { readonly direction: TcDirection; readonly program: number; readonly id: number },
): void {
  if (attachedTcProgram(ifindex, it.direction) !== it.id) attachTc(ifindex, it.direction, it.program);
}
