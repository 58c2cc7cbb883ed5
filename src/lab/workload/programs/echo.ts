// Echo servers (http-echo, echoserver, whoami, ...): a fixed text, or the request as the server saw it with the pod's facts.

import type { IncomingMessage } from 'node:http';
import { bodyOf, sendJson, sendText, type HttpHandler } from '../http-face.ts';
import { formatPeer } from '../pod-net.ts';
import type { ProgramContext } from '../program.ts';

export interface EchoOptions {
  readonly text: string | undefined;
  readonly ports: readonly number[];
}

/** Serves on every port. */
export async function echo(context: ProgramContext, options: EchoOptions): Promise<void> {
  const handler: HttpHandler = (request, response) => {
    const client = formatPeer(request.socket.remoteAddress, request.socket.remotePort);
    context.log(`${client} ${request.method ?? ''} ${request.url ?? ''}`);
    if (options.text !== undefined) {
      request.resume();
      sendText(response, 200, `${options.text}\n`);
      return;
    }
    bodyOf(request).then(
      (body) => sendJson(response, 200, describe(context, request, { client, body })),
      () => response.destroy(),
    );
  };
  for (const port of options.ports) {
    await context.net.listenTcp(port, (socket) => context.http.serve(socket, handler));
    context.log(`echoing on port ${port}`);
  }
}

function describe(
  context: ProgramContext,
  request: IncomingMessage,
  of: { readonly client: string; readonly body: string | undefined },
): object {
  const { hostname, pod, namespace, node, ips } = context.spec.facts;
  return {
    hostname,
    pod,
    namespace,
    node,
    ips,
    client: of.client,
    port: request.socket.localPort,
    method: request.method,
    path: request.url,
    headers: request.headers,
    body: of.body ?? 'longer than 1 MiB',
  };
}
