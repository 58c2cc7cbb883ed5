// The sockets at which a node answers load balancers, as a target of the engine: a port that somebody else has is shown and tried again
// like everything that fails. They stand last, so that a node calls itself ready for a Service only once it carries it.

import { createServer, type Server } from 'node:http';
import type { Clock } from '../base/clock.ts';
import { FairleadError } from '../base/errors.ts';
import type { Lifetime } from '../base/lifetime.ts';
import { isSameJson } from '../objects/json.ts';
import type { Target } from '../reconcile/target.ts';
import { answerOf, placeText, type HealthDoor } from './health-answer.ts';

interface Open {
  door: HealthDoor;
  readonly server: Server;
}

/** Who asks and does not read holds a connection only this long. */
const REQUEST_TIMEOUT_MS = 10_000;
const CONNECTIONS_MAX = 64;

/** What is open ends with `lifetime`. */
export function healthTarget(clock: Clock, lifetime: Lifetime): Target<HealthDoor> {
  const doors = new Map<string, Open>();
  lifetime.defer('health check sockets', async () => {
    await Promise.all([...doors.values()].map(({ server }) => closeServer(server)));
  });
  return {
    name: 'health checks',
    observe: () => Promise.resolve(new Map([...doors].map(([key, { door }]) => [key, door]))),
    isEqual: isSameJson,
    update: async (entries) => {
      const failures = new Map<string, unknown>();
      for (const [key, door] of entries) {
        const known = doors.get(key);
        if (known === undefined) await open(key, door).catch((error: unknown) => failures.set(key, error));
        else known.door = door;
      }
      return failures;
    },
    delete: async (entries) => {
      for (const key of entries.keys()) {
        const known = doors.get(key);
        doors.delete(key);
        if (known !== undefined) await closeServer(known.server);
      }
      return new Map();
    },
    print: (verb, key, door) => [`${verb === 'update' ? 'answer' : 'close'} ${key} (${aboutOf(door)})`],
  };

  async function open(key: string, door: HealthDoor): Promise<void> {
    const entry: Open = { door, server: createServer({ requestTimeout: REQUEST_TIMEOUT_MS }) };
    const { server } = entry;
    server.maxConnections = CONNECTIONS_MAX;
    server.on('request', (request, response) => {
      const isAsked = entry.door.kind === 'service' || /^\/healthz(\?|$)/.test(request.url ?? '');
      if (!isAsked) return response.writeHead(404).end();
      const { code, headers, body } = answerOf(entry.door, clock.nowMs());
      return response
        .writeHead(code, { ...headers, 'content-length': Buffer.byteLength(body) })
        .end(request.method === 'HEAD' ? undefined : body);
    });
    await listen(server, door);
    if (lifetime.isClosed) return closeServer(server);
    doors.set(key, entry);
  }
}

function aboutOf(door: HealthDoor): string {
  return door.kind === 'node' ? 'the node itself' : `${door.check.namespace}/${door.check.service}`;
}

function listen(server: Server, { at }: HealthDoor): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new FairleadError('unavailable', `Cannot listen on ${placeText(at)}: ${cause.message}`, { cause }),
      ),
    );
    server.listen({ host: at.ip, port: at.port, exclusive: true, ipv6Only: true }, () => {
      server.removeAllListeners('error');
      // What goes wrong with a socket later ends connections, never the agent.
      server.on('error', () => undefined);
      resolve();
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
