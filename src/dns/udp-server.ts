// One UDP socket per address: datagrams in, answers out. Knows nothing of what they say.

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { familyOf, type Ip } from '../base/ip.ts';
import type { Lifetime } from '../base/lifetime.ts';
import type { Port } from '../base/port.ts';
import type { Responder } from './responder.ts';

export interface ServerAddress {
  readonly ip: Ip;
  readonly port: Port;
}

/** Receives while the answers of a burst are computed; the kernel doubles it and caps it at net.core.rmem_max. */
const RECEIVE_BUFFER_BYTES = 1 << 20;

/** Binds and answers until `lifetime` ends; rejects with the bind's error (code EADDRNOTAVAIL while the address is not there). */
export async function openUdpServer(
  address: ServerAddress,
  responder: Responder,
  lifetime: Lifetime,
  onError: (error: unknown) => void,
): Promise<void> {
  const family = familyOf(address.ip);
  const socket = createSocket({
    type: family === 4 ? 'udp4' : 'udp6',
    ipv6Only: family === 6,
    // Every destination is an address: Node would ask its resolver, on a later tick, for each datagram.
    lookup: (host, _options, done) => done(null, host, family),
  });
  await bind(socket, address);
  let isOpen = true;
  const send = (out: Buffer | undefined, to: RemoteInfo): void => {
    // Port 0 cannot be sent to; such a datagram is forged.
    if (out !== undefined && to.port !== 0 && isOpen) socket.send(out, to.port, to.address);
  };
  socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
  // Without a callback a failed send (no route to a client that has gone) is an event, not an exception.
  socket.on('error', onError);
  socket.on('message', (bytes, from) => {
    const out = responder.respond(bytes, { address: from.address, transport: 'udp' });
    if (out instanceof Promise) out.then((late) => send(late, from), onError);
    else send(out, from);
  });
  lifetime.own(`UDP socket of ${address.ip}`, socket, () => {
    isOpen = false;
    return new Promise((resolve) => socket.close(resolve));
  });
}

function bind(socket: Socket, address: ServerAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      socket.close();
      reject(error);
    };
    socket.once('error', fail);
    socket.bind({ address: address.ip, port: address.port }, () => {
      socket.removeListener('error', fail);
      resolve();
    });
  });
}
