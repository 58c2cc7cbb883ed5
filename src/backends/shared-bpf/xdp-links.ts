// The program in the drivers of the node's uplinks. Its links' pins are the only record of where it is, and hold it there without us.

import { readdirSync } from 'node:fs';
import { closeFd, openPin, pin, programId, unpin, updateLink } from '../../sys/bpf-pin.ts';
import { attachXdp, xdpLinkState, type XdpLinkState } from '../../sys/bpf-xdp.ts';
import { linkPin, type PinPlan } from './pins.ts';
import type { InNamespace } from './pod-interfaces.ts';

export interface XdpLinks {
  /** Idempotent; a program of another version is exchanged in one step. Throws `unsupported` where the driver takes none. */
  attach(ifindex: number): void;
  /** Idempotent; the link may be gone. */
  detach(ifindex: number): void;
  /** True where the program is the one of now. */
  isAttached(ifindex: number): boolean;
  /** Indexes of links that were attached and not detached since. */
  list(): readonly number[];
}

const PREFIX = 'xdp-';

export function xdpLinks(plan: PinPlan, program: number, inNamespace: InNamespace): XdpLinks {
  const id = programId(program);
  const pathOf = (ifindex: number): string => linkPin(plan, `${PREFIX}${ifindex}`);
  return {
    attach: (ifindex) => {
      const path = pathOf(ifindex);
      const isThere = withLink(path, (link, state) => {
        if (state.ifindex !== ifindex) return false;
        if (state.programId !== id) updateLink(link, program);
        return true;
      });
      if (isThere === true) return;
      // A pin of an interface that is gone: another one may have its index by now.
      unpin(path);
      const link = inNamespace(() => attachXdp(program, ifindex));
      try {
        pin(link, path);
      } finally {
        closeFd(link);
      }
    },
    detach: (ifindex) => unpin(pathOf(ifindex)),
    isAttached: (ifindex) =>
      withLink(pathOf(ifindex), (_, state) => state.ifindex === ifindex && state.programId === id) === true,
    list: () => pinnedIndexes(plan),
  };
}

/** For links of another namespace: here, somebody else's link may have the index of one. */
export function forgetXdpLinks(plan: PinPlan): void {
  for (const ifindex of pinnedIndexes(plan)) unpin(linkPin(plan, `${PREFIX}${ifindex}`));
}

function pinnedIndexes(plan: PinPlan): readonly number[] {
  return readdirSync(linkPin(plan, ''))
    .filter((name) => name.startsWith(PREFIX))
    .map((name) => Number(name.slice(PREFIX.length)));
}

/** Brings links that carry a program of an earlier version up to date; forgets those that are gone. */
export function refreshXdpLinks(plan: PinPlan, links: XdpLinks): void {
  for (const ifindex of links.list()) {
    const isAlive = withLink(linkPin(plan, `${PREFIX}${ifindex}`), (_, state) => state.ifindex === ifindex);
    if (isAlive === true) links.attach(ifindex);
    else links.detach(ifindex);
  }
}

/** Undefined where nothing is pinned. */
function withLink<T>(path: string, body: (link: number, state: XdpLinkState) => T): T | undefined {
  const link = openPin(path);
  if (link === undefined) return undefined;
  try {
    return body(link, xdpLinkState(link));
  } finally {
    closeFd(link);
  }
}
