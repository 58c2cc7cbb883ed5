// The backend as the registry lists it.

import {
  frontendPart,
  openByParts,
  servicePart,
  type ServiceBackend,
  type ServicePart,
} from '../shared-node/service-backend.ts';
import { baseTarget, renderBase } from './base-target.ts';
import type { IpvsKey } from '../../wire/netlink/ipvs.ts';
import { openIpvsKernel, type IpvsKernel } from './kernel.ts';
import { IPVS_RENDERING } from './render.ts';
import { strayTarget } from './stray-services.ts';
import { ipvsTarget } from './target.ts';

const NO_STRAYS: ReadonlyMap<string, IpvsKey> = new Map();

export const IPVS_SERVICES: ServiceBackend = {
  name: 'ipvs',
  about: 'By the kernel’s load balancer, with its schedulers',
  needs: ['ipvs', 'dummy', 'nftables', 'nft-nat', 'conntrack'],
  heeds: ['ipvsScheduler'],
  open: openByParts('ipvs', ({ netns, lifetime }) => ipvsParts(openIpvsKernel(netns, lifetime))),
};

export function ipvsParts(kernel: IpvsKernel): readonly ServicePart[] {
  return [servicePart(baseTarget(kernel), renderBase), ...ipvsFrontendParts(kernel)];
}

/** What hangs on the base. */
export function ipvsFrontendParts(kernel: IpvsKernel): readonly ServicePart[] {
  return [
    frontendPart(ipvsTarget(kernel), IPVS_RENDERING),
    servicePart(strayTarget(kernel), () => NO_STRAYS),
  ];
}
