// The backend as the registry lists it.

import {
  openByParts,
  frontendPart,
  type ServiceBackend,
  type ServiceDoors,
  type ServicePart,
} from '../shared-node/service-backend.ts';
import { EBPF_RENDERING } from './render.ts';
import { openServiceTarget } from './target.ts';

export const EBPF_SERVICES: ServiceBackend = {
  name: 'ebpf',
  about: 'At connect and sendmsg in the cgroup, per packet at the pod’s interface',
  needs: ['bpf-cgroup-sock-addr', 'bpf-sched-cls', 'bpf-ringbuf'],
  open: openByParts('ebpf', ebpfServiceParts),
};

export function ebpfServiceParts({ maps }: ServiceDoors): readonly ServicePart[] {
  return [frontendPart(openServiceTarget(maps), EBPF_RENDERING)];
}
