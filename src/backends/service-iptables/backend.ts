// The backend as the registry lists it.

import { IPTABLES_FLAVOURS, systemIptablesFlavour } from '../../sys/iptables-flavour.ts';
import {
  frontendPart,
  openByParts,
  servicePart,
  type ServiceBackend,
  type ServiceDoors,
  type ServicePart,
} from '../shared-node/service-backend.ts';
import { IPTABLES_RENDERING } from './entries.ts';
import { iptablesTarget } from './target.ts';

export const IPTABLES_SERVICES: ServiceBackend = {
  name: 'iptables',
  about:
    'A chain per Service and endpoint, as kube-proxy makes them; first packets grow slower with the number of Services',
  needs: ['iptables', 'conntrack'],
  heeds: [],
  open: openByParts('iptables', iptablesServiceParts),
};

/** In the system's flavour unless told. The other one is watched, too: what an earlier choice left there goes. */
export function iptablesServiceParts({
  netns,
  iptablesFlavour,
}: Pick<ServiceDoors, 'netns' | 'iptablesFlavour'>): readonly ServicePart[] {
  const flavour = iptablesFlavour ?? systemIptablesFlavour() ?? 'nft';
  const place = netns === undefined ? {} : { netns };
  const others = IPTABLES_FLAVOURS.filter((it) => it !== flavour);
  return [
    // Rules that serve come before those that go.
    frontendPart(iptablesTarget({ ...place, flavour }, { drains: true }), IPTABLES_RENDERING),
    ...others.map((it) =>
      servicePart(iptablesTarget({ ...place, flavour: it }, { drains: false }), () => new Map()),
    ),
  ];
}
