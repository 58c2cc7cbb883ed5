// Events from netfilter: packets that rules log to a group, with what was lost on the way counted.

import { FairleadError } from '../base/errors.ts';
import { decodeLoggedPacket, encodeNflogBind, type LoggedPacket } from '../wire/netlink/nflog.ts';
import { kernelError } from './errno.ts';
import { listenNetlink } from './netlink-listener.ts';
import { NETLINK_NETFILTER, NetlinkSocket } from './netlink-socket.ts';
import { inNetns, type Netns } from './netns.ts';

const DEFAULT_SNAP_BYTES = 128;
const DEFAULT_BUFFER_BYTES = 2 * 1024 * 1024;
const MAX_BATCH = 32;
/** A tenth of a second: few enough wake-ups under load, soon enough for a person. */
const HOLD_CENTISECONDS = 10;
const EPERM = 1;
const EBUSY = 16;

export interface NflogOptions {
  readonly netns?: Netns | string;
  readonly group: number;
  /** Of each packet, from the network header on; 128 holds the headers of both families with options. */
  readonly snapBytes?: number;
  /** What the kernel keeps for us while we are busy: the bound of the queue. */
  readonly bufferBytes?: number;
  readonly onPacket: (packet: LoggedPacket) => void;
}

export interface NflogReader {
  /** Packets handed on. */
  readonly packetCount: number;
  /** Packets that the kernel logged but could not keep, by the gaps in their numbers, and messages that could not be read. */
  readonly lostCount: number;
  close(): void;
}

/** Binds a group in a namespace; one reader per group: `already-exists` where another process has it. */
export function openNflog(options: NflogOptions): NflogReader {
  const open = (): NetlinkSocket => new NetlinkSocket(NETLINK_NETFILTER);
  const socket = options.netns === undefined ? open() : inNetns(options.netns, open);
  try {
    socket.setReceiveBuffer(options.bufferBytes ?? DEFAULT_BUFFER_BYTES);
    bindGroup(socket, options);
    return new Reader(socket, options.onPacket);
  } catch (error) {
    socket.close();
    throw error;
  }
}

function bindGroup(socket: NetlinkSocket, options: NflogOptions): void {
  if (!Number.isInteger(options.group) || options.group < 0 || options.group > 0xffff) {
    throw new FairleadError('invalid', `Cannot bind log group ${options.group}: not in 0 to 65535`);
  }
  const requests = encodeNflogBind({
    group: options.group,
    snapBytes: options.snapBytes ?? DEFAULT_SNAP_BYTES,
    batch: MAX_BATCH,
    holdCentiseconds: HOLD_CENTISECONDS,
  });
  for (const request of requests) {
    const { errno, text } = socket.request(request);
    if (errno === 0) continue;
    // Who lacks the right was refused at the buffer before: EPERM means that another socket has the group (nfulnl_recv_config).
    const code = errno === EBUSY || errno === EPERM ? 'already-exists' : undefined;
    throw kernelError({ action: `bind log group ${options.group}`, errno, detail: text, code });
  }
}

class Reader implements NflogReader {
  packetCount = 0;
  lostCount = 0;
  readonly close: () => void;
  readonly #onPacket: (packet: LoggedPacket) => void;
  #nextSequence: number | undefined;

  constructor(socket: NetlinkSocket, onPacket: (packet: LoggedPacket) => void) {
    this.#onPacket = onPacket;
    this.close = listenNetlink(socket, {
      decode: decodeLoggedPacket,
      onItem: (packet) => this.#take(packet),
      // A dropped datagram holds many packets: how many is seen in the numbers of the packets after it.
      onDrop: () => undefined,
      onError: () => void this.lostCount++,
    });
  }

  #take(packet: LoggedPacket): void {
    if (packet.sequence !== undefined) {
      if (this.#nextSequence !== undefined) this.lostCount += (packet.sequence - this.#nextSequence) >>> 0;
      this.#nextSequence = (packet.sequence + 1) >>> 0;
    }
    this.packetCount++;
    this.#onPacket(packet);
  }
}
