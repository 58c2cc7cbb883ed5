// Requests per second of several servers in turns, since a machine's other work changes within seconds: each is asked for a while, one after the other and then back,
// and the median of its rounds counts.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface Target {
  readonly name: string;
  readonly tool: 'wrk' | 'h2load';
  readonly address: string;
  readonly port: number;
  /** Of the server; its children count with it. */
  readonly pid: number;
}

export interface Rate {
  /** The median of the rounds. */
  readonly perSecond: number;
  /** Of the server's processors for one request, microseconds over all rounds: what other work on the machine changes least. */
  readonly cpuUs: number;
}

export interface LoadOptions {
  readonly rounds: number;
  /** Of each target in each round. */
  readonly seconds: number;
}

const CONNECTIONS = 32;
const HOST = 'x.example.com';
const PATH = '/route/x';

/** By name. */
export function measureRates(targets: readonly Target[], options: LoadOptions): ReadonlyMap<string, Rate> {
  const runs = new Map(targets.map((it) => [it.name, [] as Run[]]));
  for (let round = 0; round < options.rounds; round++)
    for (const target of round % 2 === 0 ? targets : targets.toReversed())
      runs.get(target.name)?.push(run(target, options.seconds));
  return new Map([...runs].map(([name, list]) => [name, rateOf(list)]));
}

interface Run {
  readonly perSecond: number;
  readonly requests: number;
  readonly cpuUs: number;
}

function rateOf(runs: readonly Run[]): Rate {
  const sum = (key: 'requests' | 'cpuUs'): number => runs.reduce((total, it) => total + it[key], 0);
  const sorted = runs.map((it) => it.perSecond).sort((a, b) => a - b);
  return { perSecond: sorted[Math.floor(sorted.length / 2)] ?? 0, cpuUs: sum('cpuUs') / sum('requests') };
}

function run({ name, tool, address, port, pid }: Target, seconds: number): Run {
  const before = cpuUsOf(pid);
  const server = `${address}:${port}`;
  const output = tool === 'wrk' ? runWrk(server, seconds) : runH2load(server, seconds);
  const perSecond =
    /Requests\/sec:\s+([0-9.]+)/.exec(output) ?? /finished in [^,]+, ([0-9.]+) req\/s/.exec(output);
  const requests = /(\d+) requests in/.exec(output) ?? /(\d+) succeeded/.exec(output);
  const isWrong = /Non-2xx|Socket errors|[1-9][0-9]* (?:failed|errored|timeout|[345]xx)/.test(output);
  if (perSecond === null || requests === null || isWrong)
    throw new Error(`Cannot measure ${name}: ${output}`);
  return { perSecond: Number(perSecond[1]), requests: Number(requests[1]), cpuUs: cpuUsOf(pid) - before };
}

/** Of a process and its children until now. The clock tick of Linux is a hundredth of a second for everybody. */
function cpuUsOf(pid: number): number {
  const [, fields = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
  const [userTicks, systemTicks] = fields.split(' ').slice(11, 13).map(Number);
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .split(' ')
    .filter((it) => it !== '');
  const own = ((userTicks ?? 0) + (systemTicks ?? 0)) * 10_000;
  return children.reduce((total, it) => total + cpuUsOf(Number(it)), own);
}

function runWrk(server: string, seconds: number): string {
  const headers = ['-H', `Host: ${HOST}`, '-H', 'X-Kind: bench'];
  const args = ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, ...headers, `http://${server}${PATH}`];
  return execFileSync('wrk', args, { encoding: 'utf8' });
}

/** HTTP/2 over TLS, as many requests at once. */
function runH2load(server: string, seconds: number): string {
  const args = [
    '-t1',
    '-c8',
    `-m${CONNECTIONS / 8}`,
    `-D${seconds}`,
    `--connect-to=${server}`,
    `https://${HOST}${PATH}`,
  ];
  return execFileSync('h2load', args, { encoding: 'utf8' });
}
