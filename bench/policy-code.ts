// Policies as code on a large cluster: the whole commands `fairlead policy diff` and `matrix` (files read, worlds made, all pairs), and what the
// former has between reading and printing with a thousand blocks of addresses besides. Prints JSON lines. Needs no root.
// Usage: node bench/policy-code.ts [WORKLOADS] [POLICIES]

import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { stringify } from 'yaml';
import { parseCidr } from '../src/base/cidr.ts';
import { countBits } from '../src/policy/bits.ts';
import type { PlacedObject } from '../src/policy/placed-object.ts';
import { readPolicyWorld } from '../src/policy/policy-world.ts';
import { diffReach } from '../src/policy/reach-diff.ts';

const [WORKLOADS = 5000, POLICIES = 1000] = process.argv.slice(2).map(Number);
const NAMESPACES = 100;
const GOAL_SECONDS = 5;
const PROGRAM = new URL('../bin/fairlead', import.meta.url).pathname;

type Raw = PlacedObject['object'];

function workloads(): readonly Raw[] {
  const namespaces = Array.from({ length: NAMESPACES }, (_, n) => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: `ns${n}`, labels: { team: `t${n % 10}` } },
  }));
  const deployments = Array.from({ length: WORKLOADS }, (_, i) => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: `w${i}`, namespace: `ns${i % NAMESPACES}` },
    spec: {
      template: {
        metadata: { labels: { app: `w${Math.floor(i / NAMESPACES)}`, tier: `t${i % 3}` } },
        spec: {
          containers: [
            {
              name: 'it',
              image: 'it',
              ports: [
                { name: 'http', containerPort: 8080 + (i % 5) },
                { name: 'metrics', containerPort: 9090 },
              ],
            },
          ],
        },
      },
    },
  }));
  return [...namespaces, ...deployments];
}

/** `isChanged`: those of one namespace let another team in. `hasBlocks`: each names a block of its own. */
function policies(isChanged: boolean, hasBlocks: boolean): readonly Raw[] {
  return Array.from({ length: POLICIES }, (_, i) => {
    const [n, p] = [i % NAMESPACES, Math.floor(i / NAMESPACES)];
    const team = `t${(n + p + (isChanged && n === 5 ? 1 : 0)) % 10}`;
    const block = { from: [{ ipBlock: { cidr: `10.${n}.0.0/16`, except: [`10.${n}.${p}.0/24`] } }] };
    return {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: `p${p}`, namespace: `ns${n}` },
      spec: {
        podSelector: { matchLabels: p % 3 === 0 ? { tier: 't0' } : { app: `w${p}` } },
        policyTypes: ['Ingress', 'Egress'],
        ingress: [
          {
            from: [
              { podSelector: { matchLabels: { app: `w${p + 1}` } } },
              { namespaceSelector: { matchLabels: { team } } },
            ],
            ports: [{ port: 'http' }, { port: 8000 + p * 10, endPort: 8005 + p * 10 }],
          },
          ...(hasBlocks ? [block] : []),
        ],
        egress: [
          { to: [{ namespaceSelector: { matchLabels: { team } } }], ports: [{ port: 8080 }, { port: 443 }] },
        ],
      },
    };
  });
}

/** `count` is what came out: pairs that changed, or octets of a table. */
function report(what: string, startedMs: number, count: Readonly<Record<string, number>>): void {
  const seconds = (performance.now() - startedMs) / 1000;
  const row = { bench: 'policy-code', what, workloads: WORKLOADS, policies: POLICIES, seconds };
  console.log(JSON.stringify({ ...row, ...count, goalSeconds: GOAL_SECONDS }));
}

function benchCommands(): void {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'policy-code-'));
  try {
    const file = (name: string, objects: readonly Raw[]): string => {
      const at = path.join(folder, name);
      writeFileSync(at, objects.map((it) => stringify(it)).join('---\n'));
      return at;
    };
    const [old, now, shared] = [
      file('old.yaml', policies(false, false)),
      file('new.yaml', policies(true, false)),
      file('workloads.yaml', workloads()),
    ];
    const startedMs = performance.now();
    const { stdout, stderr } = run(['diff', old, now, '-f', shared]);
    const counts = /^(\d+) opened, (\d+) closed$/m.exec(stdout);
    if (counts === null) throw new Error(`policy diff: ${stderr}`);
    report('fairlead policy diff', startedMs, { changes: Number(counts[1]) + Number(counts[2]) });
    benchMatrix(['-f', now, '-f', shared]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function run(args: readonly string[], output: 'pipe' | number = 'pipe') {
  return spawnSync(PROGRAM, ['policy', ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 30,
    stdio: ['ignore', output, 'pipe'],
  });
}

/** As people ask for it, a line for each port with who reaches it, into a file. */
function benchMatrix(world: readonly string[]): void {
  const at = path.join(mkdtempSync(path.join(os.tmpdir(), 'policy-matrix-')), 'matrix');
  const file = openSync(at, 'w');
  try {
    const startedMs = performance.now();
    const { status, stderr } = run(['matrix', ...world], file);
    if (status !== 0) throw new Error(`policy matrix: ${stderr}`);
    report('fairlead policy matrix', startedMs, { bytes: statSync(at).size });
  } finally {
    closeSync(file);
    rmSync(path.dirname(at), { recursive: true });
  }
}

function benchDiff(): void {
  const settings = { podCidrs: [parseCidr('10.244.0.0/15')] };
  const worlds = [false, true].map((isChanged) =>
    readPolicyWorld(
      [...workloads(), ...policies(isChanged, true)].map((object) => ({
        file: 'it',
        lineOf: () => 1,
        object,
      })),
      settings,
    ),
  );
  const [old, now] = worlds;
  if (old === undefined || now === undefined) throw new Error('no worlds');
  const startedMs = performance.now();
  const { opened, closed } = diffReach(old, now, { family: 4, ...settings });
  const changes = [...opened, ...closed].reduce((sum, it) => sum + countBits(it.from), 0);
  report('compare, with a block in each policy', startedMs, { changes });
}

benchCommands();
benchDiff();
