// Addresses of the dummy device: whoever has or lacks one already is no error.

import { cidrLength, hostCidr } from '../../base/cidr.ts';
import { isAlreadyExists, isNotFound } from '../../base/errors.ts';
import type { Ip } from '../../base/ip.ts';
import { IPVS_DEVICE, type IpvsKernel } from './kernel.ts';

export async function changeAddress(
  { netlink }: IpvsKernel,
  kind: 'add-address' | 'delete-address',
  ip: Ip,
): Promise<void> {
  const isDone = kind === 'add-address' ? isAlreadyExists : isNotFound;
  const change = { kind, link: IPVS_DEVICE, ip, prefixLength: cidrLength(hostCidr(ip)) } as const;
  await netlink.apply([change]).catch((error: unknown) => {
    if (!isDone(error)) throw error;
  });
}
