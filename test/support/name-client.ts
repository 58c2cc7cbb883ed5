// A process in a pod's namespace that asks for names and connects to what it is told, at once, as applications do.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { inNetns } from '../../src/sys/netns.ts';
import type { Family } from '../../src/base/ip.ts';
import { quietMs, scaledMs } from './time-scale.ts';

/** What is denied is dropped, and says nothing. */
const DENIED_MS = quietMs(400);
const PATIENCE_MS = scaledMs(1_000);

export interface NameAnswer {
  /** Empty where no answer came. */
  readonly ips: readonly string[];
}

export interface LoopResult {
  readonly worked: number;
  readonly failures: readonly string[];
}

export interface NameClient {
  ask(name: string, family?: Family): Promise<NameAnswer>;
  /** Whether a connection to port 80 of the address is made. One that is to be made may take longer than it takes to see that none is. */
  connects(ip: string, isExpected: boolean): Promise<boolean>;
  /** Asks and connects to what comes, so many times. */
  loop(name: string, count: number, family?: Family): Promise<LoopResult>;
  /** Opens a connection to port 80 that stays until `end`. */
  hold(ip: string): Promise<boolean>;
  end(): Promise<void>;
}

/** `server` is whom it asks. */
export function startNameClient(netns: string, server: string): NameClient {
  const child = inNetns(netns, () =>
    spawn(process.execPath, ['-e', SCRIPT, server], {
      stdio: ['pipe', 'pipe', 'inherit'],
    }),
  );
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const waiting: ((answer: unknown) => void)[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.(JSON.parse(line)));
  const call = <T>(...words: readonly (string | number)[]): Promise<T> =>
    new Promise((resolve) => {
      // The script answers each line with one, in their order.
      waiting.push((answer) => resolve(answer as T));
      child.stdin.write(`${JSON.stringify(words)}\n`);
    });
  return {
    ask: (name, family = 4) => call('ask', name, family),
    connects: (ip, isExpected) => call('connects', ip, isExpected ? PATIENCE_MS : DENIED_MS),
    loop: (name, count, family = 4) => call('loop', name, family, count, PATIENCE_MS),
    hold: (ip) => call('hold', ip, PATIENCE_MS),
    end: () => {
      child.stdin.end();
      return ended;
    },
  };
}

const SCRIPT = `
const { Resolver } = require('node:dns/promises');
const net = require('node:net');
const server = process.argv[1];
const resolver = new Resolver({ timeout: 4000, tries: 3 });
resolver.setServers([server]);
const connect = (ip, patienceMs) => new Promise((done) => {
  const socket = net.connect({ host: ip, port: 80 });
  socket.setTimeout(patienceMs, () => { socket.destroy(); done(undefined); });
  socket.on('connect', () => { socket.setTimeout(0); done(socket); });
  socket.on('error', () => done(undefined));
});
const calls = {
  ask: async (name, family) => {
    const ips = await (family === 4 ? resolver.resolve4(name) : resolver.resolve6(name)).catch((error) => {
      console.error(name, family, error.code);
      return [];
    });
    return { ips };
  },
  connects: async (ip, patienceMs) => {
    const socket = await connect(ip, patienceMs);
    socket?.destroy();
    return socket !== undefined;
  },
  hold: async (ip, patienceMs) => (await connect(ip, patienceMs)) !== undefined,
  loop: async (name, family, count, patienceMs) => {
    const result = { worked: 0, failures: [] };
    for (let i = 0; i < count; i++) {
      const { ips } = await calls.ask(name, family);
      if (ips.length === 0) result.failures.push('no answer');
      for (const ip of ips) {
        if (await calls.connects(ip, patienceMs)) result.worked++;
        else result.failures.push(ip);
      }
    }
    return result;
  },
};
let tail = Promise.resolve();
require('node:readline').createInterface({ input: process.stdin })
  .on('line', (line) => {
    const [name, ...args] = JSON.parse(line);
    tail = tail.then(async () => process.stdout.write(JSON.stringify(await calls[name](...args)) + '\\n'));
  })
  .on('close', () => process.exit());
`;
