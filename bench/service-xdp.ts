// Outside clients by the program in the uplink's driver (XDP) beside the one behind the stack's door (tc), between the same nodes: round trips of a
// client that is hidden behind the node to an endpoint of another one, and datagrams per second that end because of source ranges. In turns, so that
// the machine's mood falls out; all on one core. Checksums are whole when packets leave their sender, as on a wire. Prints JSON lines; `ratio` is the
// median of each turn's ratio to tc. Needs root, gcc and build/bpf.
// Usage: node bench/service-xdp.ts [ROUNDS] [SECONDS]

import { parseCidr } from '../src/base/cidr.ts';
import { Lifetime } from '../src/base/lifetime.ts';
import { NO_FRONTEND_OPTIONS } from '../src/model/network.ts';
import { xdpTarget, type UplinkXdp } from '../src/backends/service-ebpf/xdp-target.ts';
import type { Target } from '../src/reconcile/target.ts';
import { setLinkOffload } from '../src/sys/link-offload.ts';
import { inNetns } from '../src/sys/netns.ts';
import { startTwoNodes, VIP, type TwoNodes, type WantedService } from '../test/support/two-nodes-lab.ts';
import { LoadProgram, median, medianRatio, type LoadMode } from './service-load/load-program.ts';

const [rounds = 30, seconds = 0.1] = process.argv.slice(2).map(Number);
const PREFIX = `t-cni-bx${process.pid}`;
const WHOLE: ReadonlyMap<string, UplinkXdp> = new Map([['uplinks', { isWhole: true }]]);
const PORT = 9090;

interface Measure {
  readonly what: string;
  readonly mode: LoadMode;
  readonly service: WantedService;
}

const MEASURES: readonly Measure[] = [
  { what: 'connections, hidden client', mode: 'connections', service: { pods: ['b'], port: PORT } },
  { what: 'round trips by TCP, hidden client', mode: 'tcp', service: { pods: ['b'], port: PORT } },
  { what: 'round trips by UDP, hidden client', mode: 'udp', service: { pods: ['b'], port: PORT } },
  {
    what: 'round trips by UDP, direct return',
    mode: 'udp',
    service: { pods: ['b'], port: PORT, over: { options: { ...NO_FRONTEND_OPTIONS, isDirectReturn: true } } },
  },
  {
    what: 'datagrams that source ranges end',
    mode: 'flood',
    service: { pods: ['b'], port: PORT, over: { sourceRanges: [parseCidr('203.0.113.0/24')] } },
  },
];

function wholeChecksums(two: TwoNodes): void {
  for (const netns of [two.outside, `${PREFIX}-n1`, `${PREFIX}-n2`])
    inNetns(`/run/netns/${netns}`, () => setLinkOffload('eth0', 'tx-checksum', false));
  inNetns(`/run/netns/${PREFIX}-fabric`, () => {
    for (const port of ['t1', 't2']) setLinkOffload(port, 'gro', true);
  });
}

async function run(lifetime: Lifetime): Promise<void> {
  const load = LoadProgram.compile(lifetime);
  const two = await startTwoNodes(PREFIX, lifetime);
  wholeChecksums(two);
  await load.serve(`/run/netns/${PREFIX}-b`, two.podIps.get('b')?.[4] ?? '', PORT, lifetime);
  const targets: readonly Target<UplinkXdp>[] = ['n1', 'n2'].map((name) => {
    const { agent, lab } = two.nodeNamed(name);
    return xdpTarget({ maps: agent.bpf.maps, xdp: agent.bpf.nodeLinks.xdp, netlink: lab.door.netlink });
  });
  const way = { netns: `/run/netns/${two.outside}`, cgroup: undefined, host: VIP[4], port: 80, seconds };
  for (const { what, mode, service } of MEASURES) {
    await two.programAll(service);
    const rates = { tc: [] as number[], xdp: [] as number[] };
    for (let round = 0; round < rounds; round++)
      for (const by of ['tc', 'xdp'] as const) {
        for (const target of targets)
          await (by === 'xdp'
            ? target.update(WHOLE, lifetime.signal, new Map())
            : target.delete(WHOLE, lifetime.signal));
        rates[by].push(load.measure(way, mode));
      }
    for (const by of ['tc', 'xdp'] as const) {
      const ratio = medianRatio(rates[by], rates.tc);
      const row = { bench: 'service-xdp', what, by, perSecond: Math.round(median(rates[by])), ratio, rounds };
      process.stdout.write(`${JSON.stringify(row)}\n`);
    }
  }
}

const lifetime = new Lifetime('bench');
try {
  await run(lifetime);
} finally {
  await lifetime.close();
}
