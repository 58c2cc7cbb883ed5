// Connected UDP sockets of a namespace: they are listed, and ended.

import { FairleadError } from '../base/errors.ts';
import type { Family } from '../base/ip.ts';
import {
  decodeUdpSocket,
  encodeDestroyUdpSocket,
  encodeListUdpSockets,
  NO_SOCKET,
  type ConnectedSocket,
} from '../wire/netlink/sock-diag.ts';
import { kernelError } from './errno.ts';
import { NETLINK_SOCK_DIAG, NetlinkSocket } from './netlink-socket.ts';
import { inNetns, type Netns } from './netns.ts';

const ENOENT = 2;
const FAMILIES: readonly Family[] = [4, 6];

/** True for the sockets that are meant; called for each one there is. */
export type SocketFilter = (socket: ConnectedSocket) => boolean;

export interface SockDiag {
  /** The sockets of both families that `filter` takes. */
  list(filter: SocketFilter): Promise<readonly ConnectedSocket[]>;
  /** Ends the sockets that `filter` takes; how many that were. One that was closed meanwhile is no error. */
  destroy(filter: SocketFilter): Promise<number>;
  close(): void;
}

/** Opens the door in a namespace (default: the process' own); `close()` it. */
export function openSockDiag(netns?: Netns | string): SockDiag {
  return new KernelSockDiag(openSocket(netns));
}

/** Throws where this kernel does not list UDP sockets or does not end them. */
export async function checkSocketsEnd(netns?: Netns | string): Promise<void> {
  const socket = openSocket(netns);
  try {
    // Listing comes first: a kernel that knows nothing of UDP sockets also says "no such socket" when it is to end one.
    await socket.dump('list connected UDP sockets', encodeListUdpSockets(4), decodeUdpSocket);
    const { errno, text } = socket.request(encodeDestroyUdpSocket(NO_SOCKET));
    if (errno !== 0 && errno !== ENOENT) throw kernelError({ action: 'end a socket', errno, detail: text });
  } finally {
    socket.close();
  }
}

function openSocket(netns: Netns | string | undefined): NetlinkSocket {
  const open = (): NetlinkSocket => new NetlinkSocket(NETLINK_SOCK_DIAG);
  return netns === undefined ? open() : inNetns(netns, open);
}

class KernelSockDiag implements SockDiag {
  readonly #socket: NetlinkSocket;
  #isClosed = false;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  list(filter: SocketFilter): Promise<readonly ConnectedSocket[]> {
    return this.#inTurn(() => this.#list(filter));
  }

  destroy(filter: SocketFilter): Promise<number> {
    return this.#inTurn(async () => {
      let count = 0;
      for (const socket of await this.#list(filter)) if (this.#destroyOne(socket)) count++;
      return count;
    });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    void this.#tail.then(() => this.#socket.close());
  }

  async #list(filter: SocketFilter): Promise<readonly ConnectedSocket[]> {
    const decode: typeof decodeUdpSocket = (message) => {
      const socket = decodeUdpSocket(message);
      return socket !== undefined && filter(socket) ? socket : undefined;
    };
    const lists = [];
    for (const family of FAMILIES) {
      const request = encodeListUdpSockets(family);
      lists.push(await this.#socket.dump('list connected UDP sockets', request, decode));
    }
    return lists.flat();
  }

  #destroyOne(socket: ConnectedSocket): boolean {
    const { errno, text } = this.#socket.request(encodeDestroyUdpSocket(socket));
    if (errno === 0) return true;
    if (errno === ENOENT) return false;
    const action = `end UDP socket ${socket.localIp} port ${socket.localPort}`;
    throw kernelError({ action, errno, detail: text });
  }

  /** One exchange at a time on the socket. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isClosed)
      return Promise.reject(new FairleadError('aborted', 'Cannot use socket diagnosis: the door is closed'));
    const result = this.#tail.then(work);
    this.#tail = result.catch(() => undefined);
    return result;
  }
}
