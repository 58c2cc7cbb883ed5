// SCTP between pods packet by packet, whatever the kernel knows of it: chunks are sent as frames out of a pod's own link, and read by a raw socket of the
// other end, which is handed every packet of the protocol that arrives.

import { familyOf } from '../../src/base/ip.ts';
import { macFromSeed, macToBytes } from '../../src/base/mac.ts';
import { checked, close, recv, socket } from '../../src/sys/ffi.ts';
import { inNetns } from '../../src/sys/netns.ts';
import * as p from '../support/packets.ts';
import { linkFacts, sendRawFrame } from '../support/raw-frame.ts';
import { SILENCE_MS, scaledMs } from '../support/time-scale.ts';
import type { Party } from './policy-prober.ts';

export const CHUNKS = { data: 0, init: 1, initAck: 2 } as const;

const [AF_INET, AF_INET6, SOCK_RAW, SOCK_NONBLOCK] = [2, 10, 3, 0o4000];
const MSG_DONTWAIT = 0x40;
const PATIENCE_MS = 2_000;
const PAUSE_MS = 5;

/** A place to send from: the Ethernet address of its link's other end is asked for by nobody. */
export interface SctpParty extends Party {
  readonly gatewaySeed: string;
}

export interface Chunk {
  readonly chunk: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Of the header; an INIT has 0 (RFC 9260, section 8.5.1), everything else what the other end has chosen. */
  readonly tag: number;
  /** What this end chooses, in INIT and INIT ACK. */
  readonly ownTag?: number;
}

/** Whether the packet arrives; what should not is waited for in silence. */
export async function arrives(
  from: SctpParty,
  to: Party,
  { chunk, ownTag, ...header }: Chunk,
  isExpected: boolean,
): Promise<boolean> {
  const family = familyOf(to.ip);
  const fd = inNetns(to.netns, () =>
    checked('open raw socket', socket(family === 4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_NONBLOCK, p.SCTP)),
  );
  try {
    const { ifindex, mac } = linkFacts(from.netns, 'eth0');
    // What an INIT says: tag, window, streams out and in, first number (section 3.3.2).
    const payload = p.bytes(p.be32(ownTag ?? 0), p.be32(65_536), p.be16(1), p.be16(1), p.be32(1));
    const ends = { source: from.ip, destination: to.ip };
    const frame = p.frame({ ...ends, protocol: p.SCTP, payload: p.sctp({ ...header, chunk, payload }) });
    frame.set(macToBytes(macFromSeed(from.gatewaySeed)), 0);
    frame.set(Buffer.from(mac.replaceAll(':', ''), 'hex'), 6);
    sendRawFrame(from.netns, ifindex, frame);
    return await hears(fd, family, header, isExpected ? scaledMs(PATIENCE_MS) : SILENCE_MS);
  } finally {
    close(fd);
  }
}

type Ports = Pick<Chunk, 'sourcePort' | 'destinationPort'>;

async function hears(fd: number, family: 4 | 6, ports: Ports, waitMs: number): Promise<boolean> {
  const untilMs = performance.now() + waitMs;
  const buffer = Buffer.alloc(2_048);
  do {
    for (;;) {
      const length = recv(fd, buffer, buffer.length, MSG_DONTWAIT);
      if (length <= 0) break;
      // Of IPv4 the header is handed on, too.
      const at = family === 4 ? ((buffer[0] ?? 0) & 15) * 4 : 0;
      if (
        buffer.readUInt16BE(at) === ports.sourcePort &&
        buffer.readUInt16BE(at + 2) === ports.destinationPort
      )
        return true;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  } while (performance.now() < untilMs);
  return false;
}
