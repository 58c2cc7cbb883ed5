// A whole matrix of connections at once, from one process: every socket is made in the namespace of its pod, everything is asked before anything is waited
// for, and what nobody has answered in one short wait after the last answer that should come was not let through.

import type { Socket as UdpSocket } from 'node:dgram';
import net from 'node:net';
import { familyOf, type Family, type Ip } from '../../src/base/ip.ts';
import type { Protocol } from '../../src/base/port.ts';
import { bindUdp, openTcp } from '../../src/sys/socket.ts';
import { quietMs, scaledMs } from '../support/time-scale.ts';
import { adoptUdp, type Party } from './policy-prober.ts';

/** What a matrix is made of: each party to each port of each party, itself too. */
export interface MatrixPlan {
  readonly parties: readonly Party[];
  readonly ports: readonly number[];
}

export type MatrixProtocol = Exclude<Protocol, 'SCTP'>;

/** Places in `parties`, and the port. */
export function cellOf(from: number, to: number, port: number): string {
  return `${from} ${to} ${port}`;
}

/** How long all answers may take that are expected, and how long the others are waited for after the last of these. */
const PATIENCE_MS = 5_000;
const SILENCE_MS = 250;

/** The cells that were answered. `expected` are those that should be; parties are of one family. */
export async function probeMatrix(
  protocol: MatrixProtocol,
  plan: MatrixPlan,
  expected: ReadonlySet<string>,
): Promise<ReadonlySet<string>> {
  const answers = new Answers(expected);
  const end = protocol === 'TCP' ? connectAll(plan, answers) : await sendAll(plan, answers);
  await answers.settled();
  end();
  return answers.seen;
}

class Answers {
  readonly seen = new Set<string>();
  readonly #missing: Set<string>;
  readonly #all = Promise.withResolvers<void>();

  constructor(expected: ReadonlySet<string>) {
    this.#missing = new Set(expected);
    if (expected.size === 0) this.#all.resolve();
  }

  note(cell: string): void {
    this.seen.add(cell);
    if (this.#missing.delete(cell) && this.#missing.size === 0) this.#all.resolve();
  }

  async settled(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, scaledMs(PATIENCE_MS))));
    await Promise.race([this.#all.promise, late]);
    clearTimeout(timer);
    await new Promise((resolve) => setTimeout(resolve, quietMs(SILENCE_MS)));
  }
}

/** A connection that is made has been let through both ways; gives what ends all. */
function connectAll({ parties, ports }: MatrixPlan, answers: Answers): () => void {
  const sockets: net.Socket[] = [];
  for (const [from, { netns, ip }] of parties.entries())
    for (const [to, other] of parties.entries())
      for (const port of ports) {
        const socket = new net.Socket({ fd: openTcp(netns, familyOf(ip)) });
        socket.on('error', () => undefined);
        socket.connect({ host: other.ip, port, localAddress: ip }, () =>
          answers.note(cellOf(from, to, port)),
        );
        sockets.push(socket);
      }
  return () => {
    // One that is still connecting would be reset only when it is connected.
    for (const socket of sockets)
      if (socket.connecting) socket.destroy();
      else socket.resetAndDestroy();
  };
}

/** A socket of each party asks all, and knows by the address and port of an answer whose it is. */
async function sendAll({ parties, ports }: MatrixPlan, answers: Answers): Promise<() => void> {
  const places = new Map(parties.map(({ ip }, at) => [ip as string, at]));
  const sockets: UdpSocket[] = [];
  for (const [from, { netns, ip }] of parties.entries()) {
    const socket = await adoptUdp(bindUdp(netns, { ip, port: 0 }), ip);
    socket.on('message', (_, { address, port }) => {
      const to = places.get(address);
      if (to !== undefined) answers.note(cellOf(from, to, port));
    });
    sockets.push(socket);
  }
  for (const socket of sockets)
    for (const { ip } of parties) for (const port of ports) socket.send('x', port, ip, () => undefined);
  return () => {
    for (const socket of sockets) socket.close();
  };
}

/** Those of one family. */
export function partiesOf(
  pods: Iterable<{ readonly netns: string; readonly ips: readonly Ip[] }>,
  family: Family,
): readonly Party[] {
  return [...pods].flatMap(({ netns, ips }) =>
    ips.filter((ip) => familyOf(ip) === family).map((ip) => ({ netns, ip })),
  );
}
