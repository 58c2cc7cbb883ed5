// Connections to Services from a process of a node under test, counted while a test disturbs the node.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { inNetns } from '../../src/sys/netns.ts';
import type { AgentNode } from './agent-node.ts';
import { scaledMs } from './time-scale.ts';

/** Between two new connections: a minute of them does not use up the ports of the node. */
const PAUSE_MS = 4;

/** Starts a program of Node in the node's namespace and cgroup, where Services are translated at the socket. */
function startAsPod(
  node: AgentNode,
  script: string,
): { readonly child: ChildProcess; readonly said: Promise<string> } {
  const join = `require('node:fs').writeFileSync(${JSON.stringify(`${node.cgroup}/cgroup.procs`)}, String(process.pid));`;
  const launch = (): ChildProcess =>
    spawn(process.execPath, ['-e', `${join}\n${script}`], { stdio: ['pipe', 'pipe', 'inherit'] });
  const child = inNetns(node.netns, launch);
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { child, said: new Promise((resolve) => child.on('close', () => resolve(text))) };
}

/** What a pod's process reads from an address, where it says `says` first; the error's code where it cannot. */
export function fetchAsPod(node: AgentNode, ip: string, port: number, says = ''): Promise<string> {
  const { said } = startAsPod(
    node,
    `
    const socket = require('node:net').connect(${port}, ${JSON.stringify(ip)});
    socket.write(${JSON.stringify(says)});
    socket.on('data', (it) => { process.stdout.write(it.toString()); socket.destroy(); });
    socket.on('error', (error) => process.stdout.write(error.code));
    setTimeout(() => { process.stdout.write('timeout'); socket.destroy(); }, ${scaledMs(3000)}).unref();`,
  );
  return said;
}

export interface Counted {
  readonly worked: number;
  readonly failures: readonly string[];
}

/** New connections and answers on one old one, to a Service, until `end`; says how many worked and what failed: also what took longer than `answerMs`. */
export function connectAllTheTime(
  node: AgentNode,
  ip: string,
  answerMs = 1_000,
): { end(): Promise<Counted> } {
  const { child, said } = startAsPod(
    node,
    `
    const net = require('node:net');
    const result = { worked: 0, failures: [] };
    let isOver = false;
    process.stdin.on('end', () => { isOver = true; }).resume();
    const once = () => new Promise((done) => {
      const socket = net.connect(80, ${JSON.stringify(ip)}, () => socket.write('x'));
      socket.setTimeout(${scaledMs(answerMs)}, () => socket.destroy(new Error('timeout')));
      socket.on('data', () => { result.worked++; socket.destroy(); done(); });
      socket.on('error', (error) => { result.failures.push(String(error)); done(); });
    });
    const old = net.connect(80, ${JSON.stringify(ip)}, async () => {
      old.on('error', (error) => result.failures.push('old: ' + error));
      while (!isOver) {
        await once();
        old.write('x');
        await new Promise((done) => {
          const timer = setTimeout(() => { result.failures.push('old: no answer'); done(); }, ${scaledMs(answerMs)});
          old.once('data', () => { clearTimeout(timer); done(); });
        });
        await new Promise((done) => setTimeout(done, ${PAUSE_MS}));
      }
      process.stdout.write(JSON.stringify(result));
      process.exit();
    });`,
  );
  return {
    end: async () => {
      child.stdin?.end();
      // Written by the script above.
      return JSON.parse(await said) as Counted;
    },
  };
}

/** Answers at port 8080 of all addresses of the node with what it gets, until `close`. */
export async function echoServer(node: AgentNode): Promise<{ close(): Promise<void> }> {
  const { child, said } = startAsPod(
    node,
    `
    const server = require('node:net').createServer((it) => it.on('error', () => undefined).pipe(it));
    server.listen(8080, () => process.stdout.write('listens'));
    process.stdin.on('end', () => process.exit()).resume();`,
  );
  if (child.stdout !== null) await once(child.stdout, 'data');
  return {
    close: async () => {
      child.stdin?.end();
      await said;
    },
  };
}
