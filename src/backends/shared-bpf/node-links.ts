// The node's own links: the programs of both directions on its uplinks and its tunnel. The map in the kernel is the only record of
// where they are, so that they come off again whoever put them there.

import { programId } from '../../sys/bpf-pin.ts';
import { attachedTcProgram, attachTc, createTcHook, detachTc } from '../../sys/bpf-tc.ts';
import { isNotFound } from '../../base/errors.ts';
import { NODE_LINK_FLAGS } from '../../wire/bpf-maps-links.ts';
import type { NodeMaps } from './node-maps.ts';
import type { InNamespace } from './pod-interfaces.ts';
import type { XdpLinks } from './xdp-links.ts';

export interface NodeLink {
  readonly ifindex: number;
  /** It leads to the other nodes of the cluster and to nobody else. */
  readonly isTunnel: boolean;
  /** Its other end is on this machine, too. */
  readonly isVeth: boolean;
}

export interface NodeLinks {
  /** Idempotent; programs of another version are exchanged in one step. */
  attach(link: NodeLink): void;
  /** Idempotent; the link may be gone. What others have on it stays. */
  detach(ifindex: number): void;
  /** True where both programs are the ones of now. */
  isAttached(ifindex: number): boolean;
  /** The programs begin nothing any more, until a link is attached again. */
  leave(): void;
  isLeaving(): boolean;
  /** Links that were attached and not detached since. */
  list(): readonly NodeLink[];
  /** The program in the driver of an uplink, apart from those of both directions. */
  readonly xdp: XdpLinks;
}

export interface NodePrograms {
  readonly nodeIngress: number;
  readonly nodeEgress: number;
}

export function nodeLinks(
  maps: NodeMaps,
  programs: NodePrograms,
  { inNamespace, xdp }: { readonly inNamespace: InNamespace; readonly xdp: XdpLinks },
): NodeLinks {
  const both = [
    { direction: 'ingress', program: programs.nodeIngress, id: programId(programs.nodeIngress) },
    { direction: 'egress', program: programs.nodeEgress, id: programId(programs.nodeEgress) },
  ] as const;
  const has = (ifindex: number, { direction, id }: (typeof both)[number]): boolean =>
    attachedTcProgram(ifindex, direction) === id;
  return {
    attach: ({ ifindex, isTunnel, isVeth }) => {
      const { tunnel, veth } = NODE_LINK_FLAGS;
      maps.nodeLinks.update({ ifindex }, { flags: (isTunnel ? tunnel : 0) | (isVeth ? veth : 0) });
      inNamespace(() => {
        createTcHook(ifindex);
        for (const it of both) if (!has(ifindex, it)) attachTc(ifindex, it.direction, it.program);
      });
    },
    detach: (ifindex) => {
      inNamespace(() => {
        for (const { direction } of both) detachTc(ifindex, direction);
      });
      maps.nodeLinks.delete({ ifindex });
    },
    leave: () => {
      for (const [key, { flags }] of maps.nodeLinks.entries())
        maps.nodeLinks.update(key, { flags: flags | NODE_LINK_FLAGS.leaving });
    },
    isLeaving: () =>
      maps.nodeLinks.entries().some(([, { flags }]) => (flags & NODE_LINK_FLAGS.leaving) !== 0),
    xdp,
    isAttached: (ifindex) => inNamespace(() => both.every((it) => has(ifindex, it))),
    list: () =>
      maps.nodeLinks.entries().map(([{ ifindex }, { flags }]) => ({
        ifindex,
        isTunnel: (flags & NODE_LINK_FLAGS.tunnel) !== 0,
        isVeth: (flags & NODE_LINK_FLAGS.veth) !== 0,
      })),
  };
}

/** Brings links that carry programs of an earlier version up to date; forgets those that are gone. */
export function refreshNodeLinks(links: NodeLinks): void {
  for (const link of links.list()) {
    try {
      links.attach(link);
    } catch (error) {
      if (!isNotFound(error)) throw error;
      links.detach(link.ifindex);
    }
  }
}
