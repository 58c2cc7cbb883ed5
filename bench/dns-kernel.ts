// Names of the cluster answered in the kernel. What one answer costs, by the length of the name and the number of addresses, beside a program that only
// turns the packet round (BPF_PROG_TEST_RUN, medians of single runs, in turns); and from the event to the answer: one Service of 10,000 has another address.
// Prints JSON lines. Needs root, clang and build/bpf. Usage: node bench/dns-kernel.ts [ROUNDS] [SERVICES]

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { mergeViews, type AgentView } from '../src/agent/agent-view.ts';
import { kernelNames } from '../src/agent/kernel-names.ts';
import { ENDPOINT_SLICE_KIND, SERVICE_KIND } from '../src/agent/watched-kinds.ts';
import { kernelNameParts } from '../src/backends/dns-ebpf/target.ts';
import { EBPF_SERVICES } from '../src/backends/service-ebpf/backend.ts';
import { systemClock } from '../src/base/clock.ts';
import { Lifetime } from '../src/base/lifetime.ts';
import { POLICY_MODES } from '../src/base/policy-numbers.ts';
import { parseNameEntry } from '../src/dns/zone-json.ts';
import type { NameEntry } from '../src/model/names.ts';
import { parseService } from '../src/objects/service.ts';
import { Engine } from '../src/reconcile/engine.ts';
import { loadBpfObject } from '../src/sys/bpf-object.ts';
import { testRunTc } from '../src/sys/bpf-test-run.ts';
import { DNS_IPS, openNameLab, questionFrame, type NameLab } from '../test/support/name-lab.ts';
import { aQuestion } from '../test/support/name-questions.ts';
import { openPacketLab } from '../test/support/packet-lab.ts';
import { benchConfig, quantile, startWay } from './service-load/agent-way.ts';
import { median } from './service-load/load-program.ts';

const [rounds = 2000, services = 10_000] = process.argv.slice(2).map(Number);
const ROOT = new URL('..', import.meta.url).pathname;
const MOST = 3;
const CHANGES = 500;

function print(row: object): void {
  process.stdout.write(`${JSON.stringify({ bench: 'dns-kernel', ...row })}\n`);
}

/** Compiled as the product's programs are. */
function loadTurnRound(lifetime: Lifetime): number {
  const folder = mkdtempSync('/tmp/t-bench-turn-');
  lifetime.defer('object', () => rmSync(folder, { recursive: true }));
  const machine = execFileSync('uname', ['-m'], { encoding: 'utf8' }).trim();
  const flags = ['-O2', '-g', '-target', 'bpf', `-I${ROOT}/bpf`, `-I/usr/include/${machine}-linux-gnu`];
  const object = `${folder}/turn-round.o`;
  execFileSync('clang', [...flags, '-c', `${ROOT}/bench/names/turn-round.c`, '-o', object]);
  const loaded = lifetime.own('turn-round', loadBpfObject({ path: object }), (it) => it.close());
  const program = loaded.programs.get('turn_round');
  assert.ok(program !== undefined);
  return program;
}

interface Asked {
  readonly what: string;
  readonly name: string;
  readonly type: number;
  readonly answers: number;
}

const [A, AAAA] = [1, 28];

function many(service: string, count: number): NameEntry {
  const endpoints = Array.from({ length: count }, (_, at) => ({ ip: `10.244.0.${at + 1}`, ports: [] }));
  return parseNameEntry({ kind: 'headless', namespace: 'bench', service, endpoints });
}

function one(service: string, ip: string): NameEntry {
  return parseNameEntry({ kind: 'cluster-ip', namespace: 'bench', service, ips: [ip], ports: [] });
}

const LENGTHS = [1, 20, 60];
const COUNTS = [1, 2, 4, 8, 16, 32, 64];

function costs(lab: NameLab, turnRound: number): void {
  const name = (service: string): string => `${service}.bench.svc.cluster.local`;
  const asked: readonly Asked[] = [
    ...LENGTHS.map((length) => ({ what: 'ClusterIP', name: name('a'.repeat(length)), type: A, answers: 1 })),
    ...LENGTHS.map((length) => ({ what: 'no data', name: name('a'.repeat(length)), type: AAAA, answers: 0 })),
    ...COUNTS.map((count) => ({ what: 'headless', name: name(`h${count}`), type: A, answers: count })),
  ];
  for (const { what, name: of, type, answers } of asked) {
    const frame = lab.frame(aQuestion({ name: of, type, edns: 1232 }));
    assert.equal(lab.lab.sends(frame).verdict, 'redirect');
    const times = { answer: [] as number[], turn: [] as number[] };
    for (let round = 0; round < rounds; round++) {
      times.turn.push(testRunTc(turnRound, frame).durationNs);
      times.answer.push(lab.lab.sends(frame).durationNs);
    }
    const [answerNs, turnNs] = [median(times.answer), median(times.turn)];
    print({
      what,
      nameBytes: of.length + 2,
      answers,
      answerNs,
      turnNs,
      ratio: answerNs / turnNs,
      goalRatio: MOST,
    });
  }
}

async function costsOfAnswers(lifetime: Lifetime): Promise<void> {
  const lab = await openNameLab(lifetime);
  await lab.program([
    ...LENGTHS.map((length) => one('a'.repeat(length), '10.96.0.7')),
    ...COUNTS.map((count) => many(`h${count}`, count)),
  ]);
  costs(lab, loadTurnRound(lifetime));
}

function aService(i: number, ip: string): unknown {
  return {
    metadata: { namespace: 'bench', name: `s${i}`, uid: `u${i}` },
    spec: { clusterIP: ip, clusterIPs: [ip], ports: [{ port: 80, targetPort: 8080 }] },
  };
}

function ipOf(number: number): string {
  return `10.${96 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`;
}

const NO_PATTERNS = { names: [] } as const;

/** Store, compiler, engine and maps as the agent has them: a change counts until a pod is answered otherwise. */
async function changes(lifetime: Lifetime): Promise<void> {
  const lab = await openPacketLab(lifetime);
  const { maps, nodeLinks } = lab.bpf;
  maps.policyState.update({ index: 0 }, { epoch: 1, mode: POLICY_MODES.judges });
  const config = {
    ...benchConfig({ nodeName: 'node-a', service: EBPF_SERVICES.name, podCidrs: [], dnsIps: [...DNS_IPS] }),
    dnsSocket: 'any',
  };
  const names = kernelNames(config);
  let wake = (): void => undefined;
  const engine = new Engine<AgentView>({
    parts: [
      ...kernelNameParts<AgentView>(maps, (view) => names({ ...view, policies: NO_PATTERNS })),
      ...EBPF_SERVICES.open<AgentView>({ maps, nodeLinks, netns: undefined, lifetime }),
    ],
    clock: systemClock,
    random: Math.random,
    timing: { quietMs: 0 },
    merge: mergeViews,
    report: (event) => {
      if (event.kind === 'failed') throw event.error;
      if (event.kind === 'passed') wake();
    },
  });
  const store = startWay(config, engine, lifetime);
  const passed = (): Promise<void> => new Promise((resolve) => (wake = resolve));
  store.table(ENDPOINT_SLICE_KIND).replace(new Map());
  const all = Array.from({ length: services }, (_, i) => parseService(aService(i, ipOf(i + 1))));
  const beganMs = performance.now();
  store.table(SERVICE_KIND).replace(new Map(all.map((it) => [`bench/${it.name}`, it])));
  const answerOf = (i: number): string => {
    const asked = aQuestion({ name: `s${i}.bench.svc.cluster.local`, type: A });
    const { verdict, packet } = lab.sends(questionFrame(asked, {}));
    return verdict === 'redirect' ? packet.subarray(-4).join('.') : 'nothing';
  };
  while (answerOf(services - 1) === 'nothing') await passed();
  print({ what: 'cold', services, ms: performance.now() - beganMs });
  const lags: number[] = [];
  for (let round = 1; round <= CHANGES; round++) {
    await sleep(10);
    const i = (round * 7919) % services;
    const ip = ipOf(services + round);
    const atMs = performance.now();
    store.table(SERVICE_KIND).put(`bench/s${i}`, parseService(aService(i, ip)));
    while (answerOf(i) !== ip) await passed();
    lags.push(performance.now() - atMs);
  }
  const [p50Ms, p99Ms, maxMs] = [0.5, 0.99, 1].map((share) => quantile(lags, share));
  print({ what: 'from the event to the answer', services, p50Ms, p99Ms, maxMs, goalP99Ms: 10 });
}

for (const measure of [costsOfAnswers, changes]) {
  const lifetime = new Lifetime('bench');
  try {
    await measure(lifetime);
  } finally {
    await lifetime.close();
  }
}
