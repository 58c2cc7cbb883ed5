// What lies beyond a node's uplink, in a namespace of its own: every address of some prefixes answers at port 80, and a name server gives them names.

import { spawnSync } from 'node:child_process';
import { createSocket, type RemoteInfo } from 'node:dgram';
import { createServer, type Socket } from 'node:net';
import packet from 'dns-packet';
import type { Lifetime } from '../../src/base/lifetime.ts';
import { createNetns, deleteNetns, inNetns } from '../../src/sys/netns.ts';
import type { AgentNode } from './agent-node.ts';

export const OUTSIDE_GATEWAYS = { 4: '10.89.1.1', 6: 'fd00:10:89:1::1' } as const;

/** Answers of a name: addresses of one family and an alias on the way to them. */
export interface OutsideName {
  readonly ips: readonly string[];
  readonly ttlS: number;
  readonly alias?: string;
}

export interface OutsideWorld {
  readonly netns: string;
  /** What the name server says of a name; undefined for nothing. May give other addresses each time. */
  answer: (name: string, type: string) => OutsideName | undefined;
}

/** Takes the far end of the node's uplink. The name server answers at the first gateway, port 53. */
export async function makeOutsideWorld(
  node: AgentNode,
  { prefix, prefixes }: { readonly prefix: string; readonly prefixes: readonly string[] },
  lifetime: Lifetime,
): Promise<OutsideWorld> {
  const netns = `/run/netns/${prefix}-outside`;
  createNetns(netns);
  lifetime.defer('outside', () => deleteNetns(netns));
  const run = (...args: readonly string[]): void => {
    const { status, stderr } = inNetns(netns, () => spawnSync('ip', args, { encoding: 'utf8' }));
    if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`);
  };
  node.run('ip', 'link', 'set', 'wire', 'netns', `${prefix}-outside`);
  run('link', 'set', 'lo', 'up');
  run('link', 'set', 'wire', 'up');
  run('address', 'add', `${OUTSIDE_GATEWAYS[4]}/24`, 'dev', 'wire');
  run('address', 'add', `${OUTSIDE_GATEWAYS[6]}/64`, 'dev', 'wire', 'nodad');
  for (const it of prefixes)
    run(...(it.includes(':') ? ['-6'] : []), 'route', 'add', 'local', it, 'dev', 'lo');
  node.run('ip', 'route', 'replace', 'default', 'via', OUTSIDE_GATEWAYS[4]);
  node.run('ip', '-6', 'route', 'replace', 'default', 'via', OUTSIDE_GATEWAYS[6]);
  const world: OutsideWorld = { netns, answer: () => undefined };
  serveConnections(netns, lifetime);
  await serveNames(world, lifetime);
  return world;
}

function serveConnections(netns: string, lifetime: Lifetime): void {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket));
    socket.resume();
  });
  inNetns(netns, () => void server.listen(80));
  lifetime.defer('outside server', () => {
    for (const it of sockets) it.destroy();
    return new Promise((resolve) => server.close(() => resolve()));
  });
}

async function serveNames(world: OutsideWorld, lifetime: Lifetime): Promise<void> {
  const socket = createSocket({
    type: 'udp4',
    // Bound within the call, in the namespace of the moment.
    lookup: (host, _options, done) => done(null, host, 4),
  });
  socket.on('message', (bytes: Buffer, from: RemoteInfo) => {
    const { id = 0, questions = [] } = packet.decode(bytes);
    const [question] = questions;
    if (question === undefined) return;
    const found = world.answer(question.name.toLowerCase(), question.type);
    const answers = found === undefined ? [] : recordsOf(question.name, found);
    const reply = { type: 'response' as const, id, flags: packet.RECURSION_AVAILABLE, questions, answers };
    socket.send(packet.encode(reply), from.port, from.address);
  });
  const bound = new Promise<void>((resolve) => socket.once('listening', resolve));
  inNetns(world.netns, () => void socket.bind(53, OUTSIDE_GATEWAYS[4]));
  await bound;
  lifetime.defer('name server', () => new Promise((resolve) => socket.close(() => resolve())));
}

function recordsOf(name: string, { ips, ttlS: ttl, alias }: OutsideName): packet.Answer[] {
  const owner = alias ?? name;
  const chain: packet.Answer[] = alias === undefined ? [] : [{ type: 'CNAME', name, ttl, data: alias }];
  return [
    ...chain,
    ...ips.map((data): packet.Answer => ({
      type: data.includes(':') ? 'AAAA' : 'A',
      name: owner,
      ttl,
      data,
    })),
  ];
}
