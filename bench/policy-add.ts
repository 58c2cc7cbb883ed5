// What policies add to the start of a pod: CNI ADD as the node's agent measures it, for pods of a Deployment, without policies and with 1,000 of which
// hundreds are about these pods. Prints a JSON line. Needs root and what `fairlead up` needs.
// Usage: node bench/policy-add.ts [PODS] [POLICIES] [ROUNDS]

import { execFileSync } from 'node:child_process';
import { request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { nodePaths, pathRoots } from '../src/base/paths.ts';
import { findCgroupMount } from '../src/sys/cgroup.ts';

const [podsText = '15', policiesText = '1000', roundsText = '3'] = process.argv.slice(2);
const PODS = Number(podsText);
const POLICIES = Number(policiesText);
const NAME = 'bench-add';
const FAIRLEAD = fileURLToPath(new URL('../bin/fairlead', import.meta.url));
const ENV = { ...process.env, KUBECONFIG: `/var/lib/fairlead/${NAME}/kubeconfig` };
const SOCKET = nodePaths(pathRoots(findCgroupMount() ?? '/sys/fs/cgroup'), NAME, 'node-1').agentSocket;

function kubectl(args: readonly string[], input?: string): void {
  execFileSync('kubectl', [...args], { env: ENV, input, stdio: ['pipe', 'ignore', 'inherit'] });
}

function metrics(): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: SOCKET, path: '/metrics', agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve(text));
    });
    asked.on('error', reject).end();
  });
}

/** Seconds and number of all ADDs so far. */
async function adds(): Promise<readonly [seconds: number, count: number]> {
  const text = await metrics();
  const of = (what: string): number =>
    Number(
      new RegExp(`^fairlead_cni_request_seconds_${what}\\{verb="ADD",outcome="done"\\} (\\S+)$`, 'm').exec(
        text,
      )?.[1] ?? 0,
    );
  return [of('sum'), of('count')];
}

let batch = 0;

/** Mean of the ADDs of so many new pods, which stay: to end them takes longer than to start them. */
async function meanMs(): Promise<number> {
  const name = `pods${batch++}`;
  const before = await adds();
  kubectl(['create', 'deploy', name, '--image=nginx', `--replicas=${PODS}`]);
  kubectl(['rollout', 'status', `deploy/${name}`, '--timeout=120s']);
  const after = await adds();
  return ((after[0] - before[0]) / (after[1] - before[1])) * 1000;
}

/** `moreMs` compares the best of so many: what the machine does beside it only ever adds. */
async function means(): Promise<readonly number[]> {
  const all: number[] = [];
  for (let round = 0; round < Number(roundsText); round++) all.push(await meanMs());
  return all;
}

function aPolicy(i: number): object {
  const other = (name: string): object => ({ podSelector: { matchLabels: { app: `${name}${i}` } } });
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: `p${i}`, namespace: i % 3 === 0 ? 'default' : 'kube-public' },
    spec: {
      podSelector: i % 2 === 0 ? { matchExpressions: [{ key: 'app', operator: 'Exists' }] } : {},
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ from: [other('x')], ports: [{ port: 1000 + i }] }],
      egress: [{ to: [other('y'), { ipBlock: { cidr: `203.${i >> 8}.${i & 255}.0/24` } }] }],
    },
  };
}

execFileSync(FAIRLEAD, ['up', '--name', NAME, '--nodes', '1', '--no-check', '-q'], { stdio: 'ignore' });
try {
  const items = Array.from({ length: POLICIES }, (_, i) => aPolicy(i));
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  await meanMs();
  const without = await means();
  kubectl(['create', '-f', '-'], list);
  const kept = await means();
  const [withoutMs, withMs] = [without, kept].map((it) => it.toSorted((x, y) => x - y)[0] ?? NaN);
  const row = { pods: PODS, policies: POLICIES, without, with: kept, goalMs: 3 };
  const moreMs = (withMs ?? NaN) - (withoutMs ?? NaN);
  process.stdout.write(`${JSON.stringify({ bench: 'policy-add', ...row, moreMs })}\n`);
} finally {
  execFileSync(FAIRLEAD, ['down', '--name', NAME, '-q'], { stdio: 'ignore' });
}
