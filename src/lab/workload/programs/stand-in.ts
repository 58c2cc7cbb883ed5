// The stand-in for an image that Fairlead does not know: it listens on the declared ports, answers HTTP, plain TCP and UDP
// with the pod's name, and says that it is a stand-in. Any real manifest comes up with it, and nothing pretends.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type net from 'node:net';
import { sendJson, sendText, type HttpHandler } from '../http-face.ts';
import { formatPeer } from '../pod-net.ts';
import type { ProgramContext } from '../program.ts';

/** A client that says nothing for this long gets the line of text: servers of many protocols speak first. */
const SILENCE_MS = 1000;
const HTTP_METHOD = /^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|TRACE|CONNECT) /;

/** Listens on the container's declared ports; without any it only runs. */
export async function standIn(context: ProgramContext, endsAtOnce: boolean): Promise<void> {
  const { facts, ports } = context.spec;
  if (endsAtOnce) {
    context.log(`stand-in for image ${facts.image}: nothing to run before the others, completed`);
    context.exit(0);
    return;
  }
  context.log(`stand-in for image ${facts.image}: answers with the pod's name on the declared ports`);
  const handler: HttpHandler = (request, response) => answerHttp(context, request, response);
  for (const { port, protocol } of ports) {
    if (protocol === 'TCP') {
      await context.net.listenTcp(port, (socket) => answerTcp(context, socket, handler));
    } else if (protocol === 'UDP') {
      await context.net.bindUdp(port, (data, peer, reply) => {
        context.log(`UDP ${data.length} bytes on port ${port} from ${formatPeer(peer.address, peer.port)}`);
        reply(Buffer.concat([Buffer.from(`${facts.pod}: `), data]));
      });
    } else {
      context.log(`port ${port}/${protocol} is not served: a stand-in knows TCP and UDP`, 'stderr');
    }
    context.log(`listening on port ${port}/${protocol}`);
  }
}

function answerHttp(context: ProgramContext, request: IncomingMessage, response: ServerResponse): void {
  const { facts } = context.spec;
  const client = formatPeer(request.socket.remoteAddress, request.socket.remotePort);
  context.log(`${request.method ?? ''} ${request.url ?? ''} from ${client}`);
  response.setHeader('x-fairlead', 'stand-in');
  const about = {
    pod: facts.pod,
    namespace: facts.namespace,
    node: facts.node,
    container: facts.container,
    image: facts.image,
    standIn: true,
    port: request.socket.localPort,
    client,
    method: request.method,
    path: request.url,
    host: request.headers.host,
  };
  if (request.headers.accept?.includes('application/json') === true) sendJson(response, 200, about);
  else
    sendText(
      response,
      200,
      Object.entries(about)
        .map(([key, value]) => `${key}: ${value}\n`)
        .join(''),
    );
}

function answerTcp(context: ProgramContext, socket: net.Socket, handler: HttpHandler): void {
  const { facts } = context.spec;
  const client = formatPeer(socket.remoteAddress, socket.remotePort);
  const line = `pod ${facts.pod}, namespace ${facts.namespace}, node ${facts.node}, stand-in for ${facts.image}\n`;
  const speak = (): void => {
    context.log(`TCP connection on port ${socket.localPort ?? 0} from ${client}`);
    socket.write(line);
  };
  const timer = setTimeout(speak, SILENCE_MS);
  socket.once('close', () => clearTimeout(timer));
  socket.once('data', (data: Buffer) => {
    clearTimeout(timer);
    if (HTTP_METHOD.test(data.subarray(0, 10).toString('latin1'))) {
      socket.unshift(data);
      context.http.serve(socket, handler);
      return;
    }
    speak();
    socket.write(data);
    socket.pipe(socket);
  });
}
