// The backend as the registry lists it.

import { openConntrack } from '../../sys/conntrack.ts';
import { openNfTables } from '../../sys/nf-tables.ts';
import {
  frontendPart,
  openByParts,
  servicePart,
  type ServiceBackend,
  type ServiceDoors,
  type ServicePart,
} from '../shared-node/service-backend.ts';
import { NFTABLES_RENDERING, renderRefused, renderSkeleton } from './render.ts';
import { refusedTarget } from './refused-target.ts';
import { skeletonTarget } from './skeleton-target.ts';
import { frontendTarget } from './target.ts';

export const NFTABLES_SERVICES: ServiceBackend = {
  name: 'nftables',
  about: 'By nftables: a fixed set of rules, maps from Services to endpoints',
  needs: ['nftables', 'nft-nat', 'conntrack', 'nft-services'],
  heeds: [],
  open: openByParts('nftables', nftablesServiceParts),
};

export function nftablesServiceParts(
  doors: Pick<ServiceDoors, 'netns' | 'lifetime'>,
): readonly ServicePart[] {
  const { netns, lifetime } = doors;
  const tables = openNfTables(netns);
  lifetime.defer('nftables of the node', () => tables.close());
  const conntrack = openConntrack(netns);
  lifetime.defer('connection tracking of the node', () => conntrack.close());
  const place = netns === undefined ? {} : { netns };
  return [
    servicePart(skeletonTarget({ tables, conntrack, place }), renderSkeleton),
    frontendPart(frontendTarget(tables, place), NFTABLES_RENDERING),
    servicePart(refusedTarget(tables, place), renderRefused),
  ];
}
