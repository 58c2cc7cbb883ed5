// The backend as the registry lists it.

import {
  openByParts,
  servicePart,
  frontendPart,
  type ServiceBackend,
  type ServiceDoors,
  type ServicePart,
} from '../shared-node/service-backend.ts';
import { openNetlink } from '../../sys/netlink.ts';
import { nodeLinksTarget, renderNodeLinks } from './node-links-target.ts';
import { EBPF_RENDERING } from './render.ts';
import { openServiceTarget } from './target.ts';
import { renderXdp, xdpTarget } from './xdp-target.ts';

const NO_SCTP_OF_NODE =
  'SCTP: pods and outside clients reach it, sockets of the node itself do not: the kernel calls no program for those';

export const EBPF_SERVICES: ServiceBackend = {
  name: 'ebpf',
  about: 'At connect and sendmsg in the cgroup, per packet at the pod’s interface and the node’s links',
  needs: ['bpf-cgroup-sock-addr', 'bpf-sched-cls', 'bpf-ringbuf'],
  heeds: ['isMaglev', 'isDirectReturn'],
  limitOf: ({ protocol }) => (protocol === 'SCTP' ? NO_SCTP_OF_NODE : undefined),
  open: openByParts('ebpf', ebpfServiceParts),
};

/** Frontends are there before the links carry traffic to them, and go after it. */
export function ebpfServiceParts({ maps, nodeLinks, netns, lifetime }: ServiceDoors): readonly ServicePart[] {
  const netlink = lifetime.own('netlink socket', openNetlink(netns), (it) => it.close());
  const links = nodeLinksTarget({ maps, links: nodeLinks, netlink, flowClock });
  return [
    frontendPart(openServiceTarget(maps), EBPF_RENDERING),
    servicePart(links, renderNodeLinks),
    servicePart(xdpTarget({ maps, xdp: nodeLinks.xdp, netlink }), renderXdp),
  ];
}

/** The programs' clock: CLOCK_MONOTONIC in units of 2^30 ns. */
function flowClock(): number {
  return Number(process.hrtime.bigint() >> 30n);
}
