// Services in iptables, each flavour: the whole set from cold, and one endpoint's change at that size, beside the same rules given to the
// same program by itself. Prints JSON lines. Needs root.
// Usage: node bench/service-iptables.ts [SERVICES] [ENDPOINTS] [CHANGES]

import { parseIp } from '../src/base/ip.ts';
import { parsePort } from '../src/base/port.ts';
import { IPTABLES_RENDERING, type IptablesEntry } from '../src/backends/service-iptables/entries.ts';
import { renderFrontend } from '../src/backends/service-iptables/render.ts';
import { scriptFor } from '../src/backends/service-iptables/script.ts';
import { iptablesTarget } from '../src/backends/service-iptables/target.ts';
import { frontendKey, NO_FRONTEND_OPTIONS, type Frontend, type ServiceView } from '../src/model/network.ts';
import { IPTABLES_FLAVOURS } from '../src/sys/iptables-flavour.ts';
import { restoreIptables, saveIptables, type IptablesFlavour } from '../src/sys/iptables.ts';
import { anonymousNetns, type Netns } from '../src/sys/netns.ts';
import { parseCidr } from '../src/base/cidr.ts';

const [services = 10_000, endpoints = 10, changes = 10] = process.argv.slice(2).map(Number);
const SIGNAL = new AbortController().signal;
const GOALS: Readonly<Record<IptablesFlavour, string>> = {
  nft: 'under 100 ms',
  legacy: 'at most 1.1 times a plain restore of that chain',
};

const VIEW: ServiceView = {
  node: {
    name: 'node-a',
    addresses: [parseIp('192.0.2.1')],
    podCidrs: [parseCidr('10.0.0.0/24')],
    labels: new Map(),
  },
  frontends: new Map(),
  cluster: {
    podCidrs: [parseCidr('10.0.0.0/10')],
    serviceCidrs: [parseCidr('10.96.0.0/16')],
    clusterDomain: 'cluster.local',
    dnsIps: [],
    nodePortAddresses: [],
    allowsExternalIps: false,
  },
};

/** `shift` moves one endpoint, as a pod that is replaced does. */
function aFrontend(index: number, shift = 0): Frontend {
  const list = Array.from({ length: endpoints }, (_, at) => {
    const host = index * endpoints + at + (at === 0 ? shift : 0);
    return {
      ip: parseIp(`10.${(host >> 16) & 31}.${(host >> 8) & 255}.${host & 255}`),
      port: parsePort(8080),
      node: undefined,
      isTerminating: false,
    };
  });
  const choice = { endpoints: list, whenEmpty: 'refuse' } as const;
  return {
    kind: 'balanced',
    scope: 'cluster-ip',
    namespace: 'bench',
    service: `service-${index}`,
    portName: 'http',
    ip: parseIp(`10.96.${index >> 8}.${index & 255}`),
    port: parsePort(80),
    protocol: 'TCP',
    inside: choice,
    outside: choice,
    masqueradesOutside: true,
    sourceRanges: undefined,
    affinityTimeoutS: undefined,
    options: NO_FRONTEND_OPTIONS,
  };
}

async function timed<T>(work: () => Promise<T>): Promise<{ readonly ms: number; readonly result: T }> {
  const startMs = performance.now();
  const result = await work();
  return { ms: performance.now() - startMs, result };
}

async function load(netns: Netns, flavour: IptablesFlavour): Promise<Map<string, IptablesEntry>> {
  const rows = new Map(IPTABLES_RENDERING.renderShared?.(IPTABLES_RENDERING.contextOf(VIEW)));
  const { ms } = await timed(async () => {
    for (let i = 0; i < services; i++) {
      const frontend = aFrontend(i);
      rows.set(frontendKey(frontend), renderFrontend(frontend, VIEW.node));
    }
    const failures = await iptablesTarget({ netns, flavour }, { drains: true }).update(
      rows,
      SIGNAL,
      new Map(),
    );
    if (failures.size > 0) throw new Error(`failed: ${String([...failures.values()][0])}`);
  });
  coldMs = ms;
  return rows;
}
let coldMs = 0;

/** All that stands, read back and given to the program in an empty namespace. */
async function plainRestoreMs(netns: Netns, flavour: IptablesFlavour): Promise<number> {
  const text = await saveIptables({ netns, flavour, family: 4 });
  const empty = anonymousNetns();
  try {
    return (await timed(() => restoreIptables(text, { netns: empty, flavour, family: 4 }))).ms;
  } finally {
    empty.close();
  }
}

interface OneChange {
  readonly ours: number;
  readonly plain: number;
}

/** The change by the target, and the script that it makes fed to the program by itself for the way back. */
async function changeOne(
  { netns, flavour }: { readonly netns: Netns; readonly flavour: IptablesFlavour },
  rows: Map<string, IptablesEntry>,
  index: number,
): Promise<OneChange> {
  const key = frontendKey(aFrontend(index));
  const from = rows.get(key);
  const ours = await timed(() => {
    const to = renderFrontend(aFrontend(index, services * endpoints), VIEW.node);
    rows.set(key, to);
    return iptablesTarget({ netns, flavour }, { drains: true }).update(
      new Map([[key, to]]),
      SIGNAL,
      new Map([[key, from!]]),
    );
  });
  if (ours.result.size > 0) throw new Error(`failed: ${String([...ours.result.values()][0])}`);
  const back = scriptFor([{ from: rows.get(key), to: from }]);
  const plain = await timed(() => restoreIptables(back, { netns, flavour, family: 4 }));
  return { ours: ours.ms, plain: plain.ms };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function print(row: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify({ bench: 'service-iptables', services, endpoints, ...row })}\n`);
}

async function run(flavour: IptablesFlavour, netns: Netns): Promise<void> {
  const rows = await load(netns, flavour);
  const plainMs = await plainRestoreMs(netns, flavour);
  print({
    what: 'from cold',
    mode: flavour,
    ms: Math.round(coldMs),
    plainMs: Math.round(plainMs),
    ratio: Number((coldMs / plainMs).toFixed(3)),
    goal: 'at most 1.2 times a plain restore',
  });
  const seen = await timed(() => iptablesTarget({ netns, flavour }, { drains: true }).observe(SIGNAL));
  print({ what: 'observe', mode: flavour, ms: Math.round(seen.ms), rows: seen.result.size });
  const results: OneChange[] = [];
  for (let i = 0; i < changes; i++)
    results.push(await changeOne({ netns, flavour }, rows, Math.floor((i * services) / changes)));
  const [ours, plain] = [median(results.map((it) => it.ours)), median(results.map((it) => it.plain))];
  print({
    what: 'one endpoint changes',
    mode: flavour,
    ms: Math.round(ours),
    maxMs: Math.round(Math.max(...results.map((it) => it.ours))),
    plainMs: Math.round(plain),
    ratio: Number(median(results.map((it) => it.ours / it.plain)).toFixed(3)),
    goal: GOALS[flavour],
  });
  const gone = await timed(() =>
    iptablesTarget({ netns, flavour }, { drains: true }).delete(seen.result, SIGNAL),
  );
  print({ what: 'all leave', mode: flavour, ms: Math.round(gone.ms), failures: gone.result.size });
}

for (const flavour of IPTABLES_FLAVOURS) {
  const netns = anonymousNetns();
  try {
    await run(flavour, netns);
  } finally {
    netns.close();
  }
}
