// What a link leaves to its card, or takes from it (ethtool), in the network namespace of the calling thread.

import { FairleadError } from '../base/errors.ts';
import { addressOf, checked, close, ioctl, socket } from './ffi.ts';

/** Commands that set one value (linux/ethtool.h): ETHTOOL_STXCSUM, ETHTOOL_SGRO. */
const SET_COMMANDS = { 'tx-checksum': 0x17, gro: 0x2c } as const;

export type LinkOffload = keyof typeof SET_COMMANDS;

const [AF_INET, SOCK_DGRAM, SOCK_CLOEXEC] = [2, 2, 0o2_000_000];
const SIOCETHTOOL = 0x8946;
const NAME_BYTES = 16;

/** `tx-checksum` off: what the link sends has whole checksums. `gro` on: its queue is polled, which a peer's XDP needs to send to it (veth). */
export function setLinkOffload(link: string, offload: LinkOffload, isOn: boolean): void {
  const name = Buffer.from(link);
  if (name.length >= NAME_BYTES)
    throw new FairleadError('invalid', `Cannot use link "${link}": its name is too long`);
  // One piece of memory, so that the argument of the call keeps alive what its pointer leads to: struct ifreq, struct ethtool_value.
  const memory = Buffer.alloc(40 + 8);
  name.copy(memory);
  memory.writeUInt32LE(SET_COMMANDS[offload], 40);
  memory.writeUInt32LE(isOn ? 1 : 0, 44);
  memory.writeBigUInt64LE(addressOf(memory) + 40n, NAME_BYTES);
  const action = `turn ${offload} of link ${link} ${isOn ? 'on' : 'off'}`;
  const fd = checked(action, socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  try {
    checked(action, ioctl(fd, SIOCETHTOOL, memory));
  } finally {
    close(fd);
  }
}
