// The backend as the registry lists it.

import {
  frontendPart,
  openByParts,
  servicePart,
  type ServiceBackend,
  type ServiceDoors,
  type ServicePart,
} from '../shared-node/service-backend.ts';
import { baseTarget, renderBase } from './base-target.ts';
import { openIpvsKernel } from './kernel.ts';
import { IPVS_RENDERING } from './render.ts';
import { ipvsTarget } from './target.ts';

export const IPVS_SERVICES: ServiceBackend = {
  name: 'ipvs',
  about: 'By the kernel’s load balancer, with its schedulers',
  needs: ['ipvs', 'dummy', 'nftables', 'nft-nat', 'conntrack'],
  heeds: ['ipvsScheduler'],
  open: openByParts('ipvs', ipvsServiceParts),
};

export function ipvsServiceParts({
  netns,
  lifetime,
}: Pick<ServiceDoors, 'netns' | 'lifetime'>): readonly ServicePart[] {
  const kernel = openIpvsKernel(netns, lifetime);
  return [servicePart(baseTarget(kernel), renderBase), frontendPart(ipvsTarget(kernel), IPVS_RENDERING)];
}
