// Ties the socket programs to the node's cgroup by pinned links: they hold while nobody has them open.

import {
  attachToCgroup,
  CGROUP_ATTACH_TYPES,
  closeFd,
  isLinkedTo,
  openPin,
  pin,
  unpin,
  updateLink,
  type CgroupAttachPoint,
} from '../../sys/bpf-pin.ts';
import { linkPin, type PinPlan } from './pins.ts';
import { programNamed, type PinnedProgram } from './programs.ts';

/** Makes every socket program run for `cgroup`; a link that is there only exchanges its program. */
export function linkPrograms(plan: PinPlan, programs: readonly PinnedProgram[], cgroup: string): void {
  for (const point of attachPoints()) {
    linkProgram(linkPin(plan, point), programNamed(programs, point).fd, { point, cgroup });
  }
}

/** Takes the socket programs off; sockets that are connected stay so. */
export function unlinkPrograms(plan: PinPlan): void {
  for (const point of attachPoints()) unpin(linkPin(plan, point));
}

interface Attachment {
  readonly point: CgroupAttachPoint;
  readonly cgroup: string;
}

function linkProgram(path: string, program: number, to: Attachment): void {
  const existing = openPin(path);
  if (existing !== undefined && isLinkedTo(existing, to.cgroup))
    return closing(existing, () => updateLink(existing, program));
  if (existing !== undefined) closeFd(existing);
  // A link to a cgroup that was removed and made anew holds nothing any more.
  unpin(path);
  const link = attachToCgroup(program, to.point, to.cgroup);
  closing(link, () => pin(link, path));
}

function closing(fd: number, body: () => void): void {
  try {
    body();
  } finally {
    closeFd(fd);
  }
}

function attachPoints(): readonly CgroupAttachPoint[] {
  // The keys of a table whose type names exactly them.
  return Object.keys(CGROUP_ATTACH_TYPES) as CgroupAttachPoint[];
}
