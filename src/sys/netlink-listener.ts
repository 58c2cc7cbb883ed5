// Reads a netlink socket whenever the kernel has something to say, without a thread and without blocking the event loop.

import koffi from 'koffi';
import type { Message } from '../wire/netlink/reader.ts';
import type { NetlinkSocket } from './netlink-socket.ts';

/** Datagrams per turn of the event loop; what is left is read in the next one. */
const READS_PER_TURN = 64;

export interface ListenerHandlers<T> {
  /** Undefined for messages that are of no concern. The message's memory is reused after the call. */
  readonly decode: (message: Message) => T | undefined;
  readonly onItem: (item: T) => void;
  /** So many datagrams did not fit the socket's buffer because this reader was behind. */
  readonly onDrop: (count: number) => void;
  /** A datagram or message that cannot be read; reading goes on with the next one. */
  readonly onError: (error: unknown) => void;
}

/** Starts to read; the returned function stops and closes the socket. Does not keep the process alive. */
export function listenNetlink<T>(socket: NetlinkSocket, handlers: ListenerHandlers<T>): () => void {
  socket.startListening();
  let isOpen = true;
  let dropCount = 0;
  const onReadable = (): void => {
    for (let reads = 0; reads < READS_PER_TURN; reads++) {
      const items = readItems(socket, handlers);
      for (const item of items ?? []) if (isOpen) handlers.onItem(item);
      if (!isOpen) return;
      if (items === undefined) break;
    }
    const drops = socket.dropCount;
    const isBehind = drops !== dropCount;
    // The kernel's counter has 32 bits.
    const count = (drops - dropCount) >>> 0;
    dropCount = drops;
    if (isBehind) handlers.onDrop(count);
  };
  const poll = koffi.node.poll(socket.fd, { readable: true }, onReadable);
  poll.unref();
  return () => {
    if (!isOpen) return;
    isOpen = false;
    poll.close();
    socket.close();
  };
}

/** What one datagram holds; undefined where none is ready. */
function readItems<T>(socket: NetlinkSocket, handlers: ListenerHandlers<T>): readonly T[] | undefined {
  const items: T[] = [];
  try {
    const messages = socket.receive();
    if (messages === undefined) return undefined;
    for (const message of messages) {
      const item = handlers.decode(message);
      if (item !== undefined) items.push(item);
    }
  } catch (error) {
    handlers.onError(error);
  }
  return items;
}
