// Connections per second between two pods of a node with 0, 10 and 1,000 policies about both, for each backend, beside the same pods without any policy
// backend: in turns, so that the machine's mood falls out. The last policy is the one that lets the connection in, and out. Prints JSON lines; `ratioFlat`
// is the ratio's share of the ratio with the fewest. Needs root, gcc and build/bpf.
// Usage: node bench/policy-rates.ts [BACKEND,...] [ROUNDS] [POLICIES,...]

import { POLICY_BACKENDS } from '../src/backends/registry.ts';
import type { PolicyBackend } from '../src/backends/shared-node/policy-backend.ts';
import { parseCidr } from '../src/base/cidr.ts';
import { Lifetime } from '../src/base/lifetime.ts';
import { PolicyCompiler } from '../src/compile/policy/policy-compiler.ts';
import type { NodePolicies } from '../src/model/policy.ts';
import { parseIdentity } from '../src/objects/identity.ts';
import { parseNamespace } from '../src/objects/namespace.ts';
import { parseNetworkPolicy } from '../src/objects/network-policy.ts';
import { parseNode } from '../src/objects/node.ts';
import { parsePod } from '../src/objects/pod.ts';
import { policiesBy } from '../test/contract/policy-backends.ts';
import { buildServiceWorld } from '../test/contract/service-world.ts';
import { LoadProgram, median } from './service-load/load-program.ts';
import { masquerade } from './service-load/masquerade.ts';

const [names = '', roundsText = '21', countsText = '0,10,1000'] = process.argv.slice(2);
const ROUNDS = Number(roundsText);
const COUNTS = countsText.split(',').map(Number);
const SECONDS = 0.1;
const [CLIENT, SERVER, PORT] = ['10.77.0.10', '10.77.0.11', 8080];
const PODS = parseCidr('10.77.0.0/24');

function aPod(name: string, ip: string): ReturnType<typeof parsePod> {
  return parsePod({
    metadata: { namespace: 'a', name, uid: name, labels: { app: name } },
    spec: { nodeName: 'n', containers: [] },
    status: { phase: 'Running', podIPs: [{ ip }] },
  });
}

/** All but the last are about others. */
function aPolicy(i: number, count: number): ReturnType<typeof parseNetworkPolicy> {
  const isLast = i === count - 1;
  const peer = (name: string): object => ({ podSelector: { matchLabels: { app: isLast ? name : `x${i}` } } });
  const ports = [{ port: isLast ? PORT : 9000 + (i % 50) }];
  return parseNetworkPolicy({
    metadata: { namespace: 'a', name: `p${i}` },
    spec: {
      podSelector: {},
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ from: [peer('client')], ports }],
      egress: [{ to: [peer('server')], ports }],
    },
  });
}

function policiesOf(count: number): NodePolicies {
  const pods = [aPod('client', CLIENT), aPod('server', SERVER)];
  const identities = pods.map(({ labels }, i) =>
    parseIdentity({
      metadata: { name: String(256 + i) },
      spec: { namespace: 'a', labels: Object.fromEntries(labels) },
    }),
  );
  const policies = Array.from({ length: count }, (_, i) => aPolicy(i, count));
  return new PolicyCompiler({ nodeName: 'n', cluster: { podCidrs: [PODS], dnsIps: [] } }).compile({
    nodes: new Map([['n', parseNode({ metadata: { name: 'n' } })]]),
    namespaces: new Map([['a', parseNamespace({ metadata: { name: 'a' } })]]),
    pods: new Map(pods.map((it) => [`a/${it.name}`, it])),
    identities: new Map(identities.map((it) => [it.name, it])),
    networkPolicies: new Map(policies.map((it) => [`a/${it.name}`, it])),
    clusterNetworkPolicies: new Map(),
    services: new Map(),
    learned: new Map(),
  });
}

async function run(backend: PolicyBackend): Promise<void> {
  const lifetime = new Lifetime('bench');
  try {
    const load = LoadProgram.compile(lifetime);
    const world = buildServiceWorld(['client', 'a'], lifetime);
    await masquerade(world.nodeNetns, PODS, lifetime.signal);
    const running = await policiesBy(backend)(world, lifetime);
    await load.serve(world.pods.get('a')?.netns ?? '', SERVER, PORT, lifetime);
    const from = { netns: world.pods.get('client')?.netns ?? '', cgroup: world.cgroup, seconds: SECONDS };
    const connect = (): number => load.measure({ ...from, host: SERVER, port: PORT }, 'connections');
    let first: number | undefined;
    for (const count of COUNTS) {
      const policies = policiesOf(count);
      const measure = async (role: 'carry' | 'leave'): Promise<number> => {
        await running.apply(policies, new Map([[backend.name, role]]));
        return connect();
      };
      const turns: (readonly [none: number, kept: number])[] = [];
      for (let at = 0; at < ROUNDS; at++) {
        if (at % 2 === 0) turns.push([await measure('leave'), await measure('carry')]);
        else {
          const kept = await measure('carry');
          turns.push([await measure('leave'), kept]);
        }
      }
      const ratio = median(turns.map(([none, kept]) => kept / none));
      first ??= ratio;
      print({
        name: backend.name,
        policies: count,
        keptUs: Number((1e6 / median(turns.map(([, kept]) => kept))).toFixed(1)),
        noneUs: Number((1e6 / median(turns.map(([none]) => none))).toFixed(1)),
        ratio: Number(ratio.toFixed(3)),
        ratioFlat: Number((ratio / first).toFixed(3)),
      });
    }
  } finally {
    await lifetime.close();
  }
}

function print(row: object): void {
  process.stdout.write(`${JSON.stringify({ bench: 'policy-rates', ...row })}\n`);
}

for (const backend of POLICY_BACKENDS)
  if (names === '' || names.split(',').includes(backend.name)) await run(backend);
