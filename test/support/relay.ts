// A TCP port inside a namespace that leads to a port of this process' own: how a node under test reaches the test's API server.

import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { inNetns } from '../../src/sys/netns.ts';

export interface Relay {
  readonly port: number;
  /** Connections that came so far. */
  readonly connections: number;
  /** While false, connections are cut and new ones refused at once. */
  isOpen: boolean;
  close(): Promise<void>;
}

/** Listens in `netns` and passes each connection on to `port` of 127.0.0.1 here. */
export function startRelay(netns: string, port: number): Promise<Relay> {
  const sockets = new Set<Socket>();
  let [connections, isOpen] = [0, true];
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    return socket;
  };
  const server = createServer((incoming) => {
    connections++;
    keep(incoming);
    if (!isOpen) return void incoming.destroy();
    const outgoing = keep(connect(port, '127.0.0.1'));
    incoming.on('close', () => outgoing.destroy()).pipe(outgoing);
    outgoing.on('close', () => incoming.destroy()).pipe(incoming);
  });
  // Without a host name `listen` makes its socket at once, so that it is made in the namespace.
  inNetns(netns, () => void server.listen(0));
  const relay: Relay = {
    get port() {
      return (server.address() as AddressInfo).port;
    },
    get connections() {
      return connections;
    },
    get isOpen() {
      return isOpen;
    },
    set isOpen(value) {
      isOpen = value;
      if (!value) for (const socket of sockets) socket.destroy();
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return new Promise((resolve) => server.once('listening', () => resolve(relay)));
}
