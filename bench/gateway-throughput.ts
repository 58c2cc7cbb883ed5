// The proxy of a Gateway beside a HAProxy whose configuration was written by hand, in the same minute: requests per second for one route, for one among 5,000, and for one
// that Lua decides; and how long it takes until a change of one among 5,000 is there. Prints JSON lines. Needs root, HAProxy and wrk.
// usage: node bench/gateway-throughput.ts [seconds for each, default 3]

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { parseIp } from '../src/base/ip.ts';
import { Lifetime } from '../src/base/lifetime.ts';
import { parsePort } from '../src/base/port.ts';
import type { ProxyModel, RouteEntry } from '../src/model/gateway.ts';
import { eventually } from '../test/support/eventually.ts';
import {
  aBackend,
  aListener,
  aModel,
  anEntry,
  anHttpPort,
  aRule,
  aTable,
} from '../test/support/proxy-models.ts';
import { ask, openProxyRig } from '../test/support/proxy-rig.ts';

const SECONDS = Number(process.argv[2] ?? 3);
const ROUTES = 5000;
const CHANGES = 50;
const CONNECTIONS = 32;

const lifetime = new Lifetime('bench');
const rig = await openProxyRig(lifetime);
const folder = mkdtempSync('/tmp/t-bench-gateway-');
lifetime.defer('the folder', () => rmSync(folder, { recursive: true }));

/** Answers on port 9000; port 8000 leads there, as somebody would write it. */
const BY_HAND = `
global
  nbthread 2
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend answers
  bind ${rig.address}:9000
  http-request return status 200 content-type text/plain string "hello"
frontend front
  bind ${rig.address}:8000
  option forwardfor
  use_backend web if { hdr(host) x.example } { path_beg /route }
backend web
  server one ${rig.address}:9000
`;
writeFileSync(`${folder}/haproxy.cfg`, BY_HAND);
const byHand = spawn('haproxy', ['-db', '-f', `${folder}/haproxy.cfg`], { stdio: 'inherit' });
lifetime.defer('HAProxy by hand', async () => {
  byHand.kill('SIGTERM');
  await once(byHand, 'close');
});
await eventually(
  async () => (await ask(rig.address, { port: 8000, host: 'x.example', path: '/route' })).status === 200,
);

function requestsPerSecond(port: number, path: string): number {
  const url = `http://${rig.address}:${port}${path}`;
  const args = [
    '-t1',
    `-c${CONNECTIONS}`,
    `-d${SECONDS}s`,
    '-H',
    'Host: x.example',
    '-H',
    'X-Kind: bench',
    url,
  ];
  const output = execFileSync('wrk', args, { encoding: 'utf8' });
  if (/Non-2xx/.test(output)) throw new Error(output);
  return Number(/Requests\/sec:\s+([0-9.]+)/.exec(output)?.[1]);
}

const backend = aBackend('web', [{ ip: parseIp(rig.address), port: parsePort(9000) }]);
const header = { type: 'exact' as const, name: 'x-kind', value: 'bench' };

function modelOf(entries: readonly RouteEntry[]): ProxyModel {
  return aModel({
    ports: [anHttpPort(80, aListener(undefined, aTable('x.example', ...entries)))],
    rules: [aRule('r', 'web')],
    backends: [backend],
  });
}

const many = (more: number): readonly RouteEntry[] =>
  Array.from({ length: ROUTES + more }, (_, i) => anEntry(`/route${i === 0 ? '' : `-${i}`}*`, 'r'));

async function compare(what: string, entries: readonly RouteEntry[]): Promise<void> {
  await rig.driver.publish(modelOf(entries));
  // One before and one after: a machine's other work changes within seconds.
  const before = requestsPerSecond(8000, '/route/x');
  const perSecond = requestsPerSecond(80, '/route/x');
  const perSecondByHand = (before + requestsPerSecond(8000, '/route/x')) / 2;
  const ratio = perSecond / perSecondByHand;
  console.log(JSON.stringify({ bench: 'gateway-throughput', what, perSecond, perSecondByHand, ratio }));
}

async function changes(): Promise<void> {
  await rig.driver.publish(modelOf(many(0)));
  const times: number[] = [];
  for (let i = 1; i <= CHANGES; i++) {
    const model = modelOf(many(i));
    const startMs = performance.now();
    await rig.driver.publish(model);
    times.push(performance.now() - startMs);
  }
  times.sort((a, b) => a - b);
  const [p50Ms, p99Ms] = [times[CHANGES / 2], times.at(-1)];
  console.log(
    JSON.stringify({ bench: 'gateway-throughput', what: `one more of ${ROUTES} routes`, p50Ms, p99Ms }),
  );
}

try {
  await compare('one route', many(0).slice(0, 1));
  await compare(`one of ${ROUTES} routes`, many(0));
  await compare('one route that Lua decides', [anEntry('/route*', 'r', { headers: [header] })]);
  await changes();
} finally {
  await lifetime.close();
}
