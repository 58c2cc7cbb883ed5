// One UDP socket per address: datagrams in, answers out. Knows nothing of what they say.

import { familyOf, type Ip } from '../base/ip.ts';
import type { Lifetime } from '../base/lifetime.ts';
import type { Port } from '../base/port.ts';
import { serveDatagrams, type DatagramSource } from '../sys/datagrams.ts';
import { bindUdp, setReceiveRoom } from '../sys/socket.ts';
import type { Responder } from './responder.ts';

export interface ServerAddress {
  readonly ip: Ip;
  readonly port: Port;
}

/** Who closes a server, and who is told of what its sockets say. */
export interface ServerOwner {
  readonly lifetime: Lifetime;
  readonly onError: (error: unknown) => void;
}

/** Receives while the answers of a burst are computed; the kernel doubles it and caps it at net.core.rmem_max. */
const RECEIVE_BUFFER_BYTES = 1 << 20;

/** Binds and answers until `lifetime` ends; throws the bind's error (errno EADDRNOTAVAIL while the address is not there). */
export function openUdpServer(
  address: ServerAddress,
  responder: Pick<Responder, 'respond' | 'respondAtOnce'>,
  { lifetime, onError }: ServerOwner,
): void {
  const fd = bindUdp(undefined, address);
  const server = serveDatagrams(fd, familyOf(address.ip), {
    onError,
    answer: (bytes, from, room) => responder.respondAtOnce(bytes, from, room),
    onDatagram: (bytes, from) => {
      const out = responder.respond(bytes, { address: from.ip, transport: 'udp' });
      if (out instanceof Promise) out.then((late) => send(late, from), onError);
      else send(out, from);
    },
  });
  const send = (out: Buffer | undefined, to: DatagramSource): void => {
    if (out !== undefined) server.send(out, to);
  };
  lifetime.own(`UDP socket of ${address.ip}`, server, (it) => it.close());
  setReceiveRoom(fd, RECEIVE_BUFFER_BYTES);
}
