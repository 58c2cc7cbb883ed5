// A program that asks the network what a test wants to know, from where it is started: in a pod, in a pod's namespace from outside, on a node.
// Arguments: its name, the port of its own server (0 for none). It is told what to do over an abstract socket (`controlSocket`).

import { spawn } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import net from 'node:net';
import { createInterface } from 'node:readline';
import { ask, codeOf } from './prober-asks.ts';
import { Holds } from './prober-holds.ts';
import { askMany, Loads } from './prober-load.ts';
import { fetchBytes, serve, type Health } from './prober-server.ts';
import { controlSocket, type Ran, type Requests, type Verb } from './prober-types.ts';

const [name = '', port = '0'] = process.argv.slice(2);
const holds = new Holds();
const loads = new Loads();
const health: Health = { isReady: true, isLive: true };

type Handlers = {
  readonly [V in Verb]: (input: Requests[V]['in']) => Requests[V]['out'] | Promise<Requests[V]['out']>;
};

const HANDLERS: Handlers = {
  ask,
  many: askMany,
  load: (of) => loads.start(of),
  stop: (of) => loads.stop(of),
  hold: (of) => holds.hold(of),
  say: (of) => holds.say(of),
  release: (socket) => holds.release(socket),
  bulk: fetchBytes,
  lookup: async ({ name: wanted, family }) => {
    const startMs = performance.now();
    const took = (): number => Math.round(performance.now() - startMs);
    try {
      const found = await lookup(wanted, { family, all: true });
      return { ips: found.map((it) => it.address), ms: took() };
    } catch (error) {
      return { ips: [], error: codeOf(error), ms: took() };
    }
  },
  run,
  health: (of) => {
    Object.assign(health, of);
    return true;
  },
};

function run([program = '', ...args]: readonly string[]): Promise<Ran> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 20_000 });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.once('error', (error) => resolve({ code: 127, output: error.message }));
    child.once('close', (code) => resolve({ code: code ?? 128, output }));
  });
}

async function answer(line: string): Promise<string> {
  const { id, verb, input } = JSON.parse(line) as { id: number; verb: Verb; input: never };
  try {
    return JSON.stringify({ id, output: await HANDLERS[verb](input) });
  } catch (error) {
    return JSON.stringify({ id, error: codeOf(error) });
  }
}

if (port !== '0') await serve(Number(port), name, health);
net
  .createServer((socket) => {
    socket.on('error', () => undefined);
    createInterface({ input: socket }).on('line', (line) => {
      void answer(line).then((text) => socket.write(`${text}\n`));
    });
  })
  .listen(controlSocket(name));
