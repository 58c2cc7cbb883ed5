// agnhost serve-hostname: the host name over HTTP (default) or raw TCP and UDP.

import { FairleadError } from '../../../base/errors.ts';
import { boolFlag, numberFlag, parseFlags } from '../flags.ts';
import { sendText } from '../http-face.ts';
import { formatPeer } from '../pod-net.ts';
import type { ProgramContext } from '../program.ts';

/** `--http` (true), `--tcp`, `--udp`, `--close`, `--port` (9376); HTTP excludes the raw ones. */
export async function serveHostname(context: ProgramContext, args: readonly string[]): Promise<void> {
  const flags = parseFlags(args, ['http', 'tcp', 'udp', 'close']);
  const port = numberFlag(flags, 'port', 9376);
  const isHttp = boolFlag(flags, 'http', true);
  const isTcp = boolFlag(flags, 'tcp', false);
  const isUdp = boolFlag(flags, 'udp', false);
  const { hostname } = context.spec.facts;
  if (isHttp && (isTcp || isUdp)) {
    throw new FairleadError('invalid', 'Cannot serve host name: --http excludes --tcp and --udp');
  }
  if (isHttp) {
    await context.net.listenTcp(port, (socket) => {
      context.http.serve(socket, (request, response) => {
        context.log(`HTTP request from ${formatPeer(socket.remoteAddress, socket.remotePort)}`, 'stderr');
        if (boolFlag(flags, 'close', false)) response.setHeader('connection', 'close');
        request.resume();
        sendText(response, 200, hostname);
      });
    });
  }
  if (isTcp) {
    await context.net.listenTcp(port, (socket) => {
      context.log(`TCP request from ${formatPeer(socket.remoteAddress, socket.remotePort)}`, 'stderr');
      socket.end(hostname);
    });
  }
  if (isUdp) {
    await context.net.bindUdp(port, (_data, peer, reply) => {
      context.log(`UDP request from ${formatPeer(peer.address, peer.port)}`, 'stderr');
      reply(Buffer.from(hostname));
    });
  }
  context.log(`Serving on port ${port}.`, 'stderr');
}
