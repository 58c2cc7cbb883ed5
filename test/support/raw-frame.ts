// A frame sent as it is out of an interface of a namespace: what no socket of the kernel's own stack would send.

import { bind, checked, close, send, socket } from '../../src/sys/ffi.ts';
import { inNetns } from '../../src/sys/netns.ts';
import { run } from './cluster.ts';

const AF_PACKET = 17;
const SOCK_RAW = 3;

export interface LinkFacts {
  readonly ifindex: number;
  readonly mac: string;
  readonly mtu: number;
}

export function linkFacts(netns: string, name: string): LinkFacts {
  const { stdout } = run('nsenter', [`--net=${netns}`, 'ip', '-j', 'link', 'show', name]);
  const [link] = JSON.parse(stdout) as { ifindex: number; address: string; mtu: number }[];
  if (link === undefined) throw new Error(`No link ${name} in ${netns}`);
  return { ifindex: link.ifindex, mac: link.address, mtu: link.mtu };
}

/** `frame` with its Ethernet header. */
export function sendRawFrame(netns: string, ifindex: number, frame: Uint8Array): void {
  const fd = inNetns(netns, () => checked('open packet socket', socket(AF_PACKET, SOCK_RAW, 0)));
  try {
    // struct sockaddr_ll: family, protocol, ifindex; the rest is of no meaning for sending.
    const address = Buffer.alloc(20);
    address.writeUInt16LE(AF_PACKET, 0);
    address.writeInt32LE(ifindex, 4);
    checked('bind packet socket', bind(fd, address, address.length));
    checked('send frame', send(fd, frame, frame.length, 0));
  } finally {
    close(fd);
  }
}
