// Connections per second through a Service at 10, 1,000 and 10,000 Services, for each backend that this kernel carries, beside direct pod to
// pod: in turns, so that the machine's mood falls out. The node masquerades as every node of ours does, so that both ways pass connection
// tracking; client and server share one core. The Service that is measured is the last one that was made. Prints JSON lines; `ratioFlat` is the
// ratio's share of the ratio at 10 Services. Needs root, gcc and build/bpf.
// IPVS where the machine's own kernel has none: `test/vm/run node_modules/node/bin/node bench/service-rates.ts ipvs 15 10,1000`.
// Usage: node bench/service-rates.ts [BACKEND,...] [ROUNDS] [SERVICES,...]

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseCidr } from '../src/base/cidr.ts';
import { systemClock } from '../src/base/clock.ts';
import { parseIp } from '../src/base/ip.ts';
import { Lifetime } from '../src/base/lifetime.ts';
import { parsePort } from '../src/base/port.ts';
import { SERVICE_BACKENDS, backendSupport } from '../src/backends/registry.ts';
import { openNodeBpf } from '../src/backends/shared-bpf/node-bpf.ts';
import type { ServiceBackend, ServiceInput } from '../src/backends/shared-node/service-backend.ts';
import { frontendKey, type Frontend, type ServiceView } from '../src/model/network.ts';
import { Engine } from '../src/reconcile/engine.ts';
import { inNetns } from '../src/sys/netns.ts';
import { probeMachine } from '../src/sys/probe.ts';
import { buildServiceWorld, linkIndex, type ServiceWorld } from '../test/contract/service-world.ts';
import { aFrontend } from '../test/support/service-samples.ts';
import { LoadProgram, median } from './service-load/load-program.ts';
import { masquerade } from './service-load/masquerade.ts';

const [names = '', roundsText = '15', countsText = '10,1000,10000'] = process.argv.slice(2);
const ROUNDS = Number(roundsText);
const SECONDS = 0.1;
const COUNTS = countsText.split(',').map(Number);
const PORT = 8080;
const SERVER = '10.77.0.11';
const OBJECTS = new URL('../build/bpf', import.meta.url).pathname;
const PODS = parseCidr('10.77.0.0/24');

function ipOf(number: number): string {
  return `10.${96 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`;
}

/** The last one is the one that answers. */
function viewOf(count: number): { readonly view: ServiceView; readonly host: string } {
  const frontends: Frontend[] = [];
  for (let i = 1; i <= count; i++) {
    const endpoint =
      i === count ? `${SERVER}:${PORT}` : `11.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}:${PORT}`;
    frontends.push(aFrontend([endpoint], { service: `s${i}`, ip: parseIp(ipOf(i)), port: parsePort(80) }));
  }
  const view: ServiceView = {
    node: { name: 'node-a', addresses: [parseIp('192.0.2.1')], podCidrs: [PODS], labels: new Map() },
    frontends: new Map(frontends.map((it) => [frontendKey(it), it])),
    cluster: {
      podCidrs: [PODS],
      serviceCidrs: [parseCidr('10.96.0.0/12')],
      clusterDomain: 'cluster.local',
      dnsIps: [],
      nodePortAddresses: [],
      allowsExternalIps: false,
    },
  };
  return { view, host: ipOf(count) };
}

/** Programs a view and returns when the kernel holds it. */
async function programmer(backend: ServiceBackend, world: ServiceWorld, lifetime: Lifetime) {
  const { pinDir, cgroup, nodeNetns } = world;
  const bpf = await openNodeBpf(
    { pinDir, objectDir: OBJECTS, cgroupPath: cgroup, netns: nodeNetns },
    lifetime,
  );
  lifetime.defer('BPF', () => bpf.detachAll());
  for (const { link, mac, ips } of world.pods.values())
    bpf.podInterfaces.attach({ ifindex: inNetns(nodeNetns, () => linkIndex(link)), mac, ips });
  let wake = (): void => undefined;
  const engine = new Engine<ServiceInput>({
    parts: backend.open<ServiceInput>({
      maps: bpf.maps,
      nodeLinks: bpf.nodeLinks,
      netns: nodeNetns,
      lifetime,
    }),
    clock: systemClock,
    random: Math.random,
    timing: { quietMs: 0, resyncMs: 3_600_000 },
    report: (event) => {
      if (event.kind === 'failed')
        process.stderr.write(`${event.target} ${event.key}: ${String(event.error)}\n`);
      if (event.kind === 'passed' && event.isConverged) wake();
    },
  });
  const running = engine.run(lifetime.signal);
  lifetime.defer('engine', () => running);
  let revision = 0;
  return async (services: ServiceView): Promise<void> => {
    const done = new Promise<void>((resolve) => (wake = resolve));
    engine.submit(
      { services, serviceRoles: new Map([[backend.name, 'carry']]), changedFrontends: undefined },
      ++revision,
    );
    await done;
  };
}

async function run(backend: ServiceBackend): Promise<void> {
  const lifetime = new Lifetime('bench');
  try {
    const load = LoadProgram.compile(lifetime);
    const world = buildServiceWorld(['client', 'a'], lifetime);
    const client = world.pods.get('client')?.netns ?? '';
    await masquerade(world.nodeNetns, PODS, lifetime.signal);
    const program = await programmer(backend, world, lifetime);
    await load.serve(world.pods.get('a')?.netns ?? '', SERVER, PORT, lifetime);
    let first: number | undefined;
    for (const count of COUNTS) {
      const { view, host } = viewOf(count);
      await program(view);
      const from = { netns: client, cgroup: world.cgroup, seconds: SECONDS };
      const direct = (): number => load.measure({ ...from, host: SERVER, port: PORT }, 'connections');
      const service = (): number => load.measure({ ...from, host, port: 80 }, 'connections');
      // Either goes first in half of the turns: what one leaves behind (sockets that wait, tracked flows) the other one meets.
      const turns = Array.from({ length: ROUNDS }, (_, at): readonly [direct: number, service: number] => {
        if (at % 2 === 0) return [direct(), service()];
        const first = service();
        return [direct(), first];
      });
      const ratio = median(turns.map(([straight, through]) => through / straight));
      first ??= ratio;
      const perSecond = median(turns.map(([, through]) => through));
      print({
        name: backend.name,
        services: count,
        perSecond: Math.round(perSecond),
        firstPacketUs: Number((1e6 / perSecond).toFixed(1)),
        directUs: Number((1e6 / median(turns.map(([straight]) => straight))).toFixed(1)),
        ratio: Number(ratio.toFixed(3)),
        ratioFlat: Number((ratio / first).toFixed(3)),
      });
    }
  } finally {
    await lifetime.close();
  }
}

function print(row: object): void {
  const machine = process.env['FAIRLEAD_VM'] === '1' ? { machine: 'emulated' } : {};
  process.stdout.write(`${JSON.stringify({ bench: 'service-rates', ...machine, ...row })}\n`);
}

const one = SERVICE_BACKENDS.find((it) => it.name === names);
if (one !== undefined) await run(one);
else {
  const answers = new Map((await probeMachine()).map((it) => [it.probe.name, it.support]));
  const wanted = names === '' ? SERVICE_BACKENDS.map((it) => it.name) : names.split(',');
  for (const backend of SERVICE_BACKENDS.filter((it) => wanted.includes(it.name))) {
    if (backendSupport(backend, answers).kind !== 'yes') continue;
    execFileSync(process.execPath, [fileURLToPath(import.meta.url), backend.name, roundsText, countsText], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
  }
}
