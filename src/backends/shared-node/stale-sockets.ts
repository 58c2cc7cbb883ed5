// Connected UDP sockets of the node's own namespace whose destination was translated at `connect()`: no later packet of theirs is decided
// anew, so that one whose endpoint is none any more is ended. Its application gets ECONNABORTED, and connects again.

import { frontendKey } from '../../model/network.ts';
import type { Port } from '../../base/port.ts';
import type { Part } from '../../reconcile/engine.ts';
import type { SockDiag } from '../../sys/sock-diag.ts';
import type { SOCKET_PEER } from '../../wire/bpf-maps.ts';
import type { ConnectedSocket } from '../../wire/netlink/sock-diag.ts';
import { endText, type FlowView } from './stale-flow.ts';
import { stalePart, type StaleInput } from './stale-part.ts';

type SocketPeer = ReturnType<(typeof SOCKET_PEER)['decode']>;

/** What the programs at the sockets noted when they translated: both ends by the socket's cookie. */
export interface UdpPeers {
  lookup(key: { readonly cookie: bigint }): SocketPeer | undefined;
}

/** For nodes whose kernel ends sockets. */
export function staleSocketPart<V extends StaleInput>(
  sockets: Pick<SockDiag, 'list' | 'destroy'>,
  peers: UdpPeers,
): Part<V> {
  return stalePart<ConnectedSocket, V>({
    name: 'stale sockets',
    summary: 'end connected UDP sockets whose peer is no endpoint of their frontend',
    list: (filter) => sockets.list(filter),
    remove: (filter) => sockets.destroy(filter),
    isStale: (socket, view) => isStaleSocket(socket, peers.lookup({ cookie: socket.cookie }), view),
    keyOf: ({ cookie }) => String(cookie),
    describe: ({ localIp, localPort, peerIp, peerPort }) =>
      `end UDP socket ${endText(localIp, localPort)} connected to ${endText(peerIp, peerPort)}`,
  });
}

/**
 * True for a socket that was sent to an endpoint which new ones of its frontend are not sent to. A socket that speaks to an address
 * directly, also one that was translated before it was connected anew, is nobody's business.
 */
export function isStaleSocket(
  { peerIp, peerPort }: Pick<ConnectedSocket, 'peerIp' | 'peerPort'>,
  translation: SocketPeer | undefined,
  view: FlowView,
): boolean {
  if (translation === undefined) return false;
  const { endpointIp, endpointPort, frontendIp, frontendPort } = translation;
  if (peerIp !== endpointIp || peerPort !== endpointPort) return false;
  // It was a frontend's port, which is not 0.
  const key = frontendKey({ ip: frontendIp, port: frontendPort as Port, protocol: 'UDP' });
  const frontend = view.frontends.get(key);
  if (frontend === undefined || frontend.kind === 'node-local') return true;
  return !frontend.inside.endpoints.some((it) => it.ip === endpointIp && it.port === endpointPort);
}
