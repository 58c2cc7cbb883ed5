// A Service backend's frontends through the engine on a kernel that refuses some of what it is asked: what a way through random clusters
// hands to the engine, the journey itself, and a judge of what the kernel may hold at any moment of it. Knows no backend.

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseCidr } from '../../src/base/cidr.ts';
import type { ServiceInput, ServicePart } from '../../src/backends/shared-node/service-backend.ts';
import { NodeCompiler } from '../../src/compile/node-compiler.ts';
import type { ClusterNetwork, ServiceView } from '../../src/model/network.ts';
import { Engine } from '../../src/reconcile/engine.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { anyState } from './arbitrary-cluster.ts';
import type { State } from './expanders.ts';
import { FollowedStates } from './slim-state.ts';
import { yamlOf } from './yaml-of.ts';

/** Part of the operations that a refusing kernel refuses. */
export const FAULT_SHARE = 0.1;
const STATES_MAX = 5;
const BACKEND = 'this';
const ROLES = new Map([[BACKEND, 'carry' as const]]);

const SETTINGS: ClusterNetwork = {
  podCidrs: [],
  serviceCidrs: ['10.96.0.0/16', 'fd00:10:96::/112'].map(parseCidr),
  clusterDomain: 'cluster.local',
  dnsIps: [],
  nodePortAddresses: [],
  allowsExternalIps: true,
  ipvsScheduler: undefined,
};

/** Whose kernel it is. */
export const REFUSING_NODE = { name: 'node-a', podCidr: '10.244.1.0/24', ip: '10.89.0.11' };

/** The node is always known: without it nothing is wanted, and nothing is to be compared. */
const NODE_A = {
  metadata: { name: REFUSING_NODE.name, labels: {} },
  spec: { podCIDRs: [REFUSING_NODE.podCidr] },
  status: { addresses: [{ type: 'InternalIP', address: REFUSING_NODE.ip }] },
};

/** A state as an agent of node-a hands it to its engine. */
interface Step extends ServiceInput {
  readonly services: ServiceView;
}

/** What a test is given of a way through random clusters. */
interface Way {
  readonly steps: readonly Step[];
  /** What the last step wants. */
  readonly last: ServiceView;
  readonly seed: number;
}

/** The property that `check` holds of any way; one that falls is told as what `kubectl apply` takes, state after state. */
export function ofAnyWay(check: (way: Way) => Promise<void>): fc.IAsyncProperty<[readonly State[], number]> {
  const anyStates = fc.array(anyState, { minLength: 1, maxLength: STATES_MAX });
  return fc.asyncProperty(anyStates, fc.nat(), async (found, seed) => {
    const states = found.map((state): State => new Map([...state, ['Node /node-a', NODE_A]]));
    const steps = stepsOf(states);
    const last = steps.at(-1)?.services;
    assert.ok(last);
    try {
      await check({ steps, last, seed });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      assert.fail(`${message}\nby way of\n${states.map(yamlOf).join('\n# then\n')}`);
    }
  });
}

/** Says which operations are refused, and counts them. */
export class Refusals {
  count = 0;
  share: number;
  readonly #random: () => number;

  constructor(random: () => number, share = FAULT_SHARE) {
    this.#random = random;
    this.share = share;
  }

  isNext(): boolean {
    const isRefused = this.#random() < this.share;
    if (isRefused) this.count++;
    return isRefused;
  }
}

function stepsOf(states: readonly State[]): readonly Step[] {
  const followed = new FollowedStates();
  const compiler = new NodeCompiler(SETTINGS, 'node-a');
  return states.map((state) => {
    const { objects, changes } = followed.next(state);
    const { view, changedFrontends } = compiler.compile(objects, followed.inputs, changes);
    if (view === undefined) throw new Error('the node is not known');
    // The compiler goes on with its own map; the engine takes this one later.
    const services = { ...view, frontends: new Map(view.frontends) };
    return { services, serviceRoles: ROLES, changedFrontends };
  });
}

/** As the agent's: what neither view was taken for is changed. */
function merge(older: ServiceInput, newer: ServiceInput): ServiceInput {
  const [before, after] = [older.changedFrontends, newer.changedFrontends];
  return {
    ...newer,
    changedFrontends: before === undefined || after === undefined ? undefined : before.union(after),
  };
}

export interface Journey<T> {
  readonly parts: readonly ServicePart[];
  /** What the kernel should hold for a view, as the judge knows it. */
  readonly meant: (view: ServiceView) => ReadonlyMap<string, T>;
  readonly judge: MomentJudge<T>;
  readonly steps: readonly Step[];
  /** Numbers from 0 to below 1, without end. */
  readonly random: () => number;
  /** Called when the last step is submitted. */
  readonly atLast?: () => void;
}

/** Submits the steps, at random times; returns when all is as the last one wants it. */
export async function travel<T>(journey: Journey<T>): Promise<void> {
  const { parts, meant, judge, steps, random } = journey;
  const clock = new ManualClock();
  const engine = new Engine<ServiceInput>({
    parts: parts.map((it) => it.open<ServiceInput>(BACKEND)),
    clock,
    random,
    report: () => undefined,
    merge,
  });
  const end = new AbortController();
  const running = engine.run(end.signal);
  for (const [at, step] of steps.entries()) {
    judge.submitted(meant(step.services), engine.isConverged);
    engine.submit(step, at + 1);
    await clock.advance(random() * 2_000);
  }
  journey.atLast?.();
  await clock.runUntil(() => engine.isConverged, 3_600_000);
  // What is left over goes with the next look at the whole, a minute later, unless that is refused, too.
  await clock.advance(600_000);
  await clock.runUntil(() => engine.isConverged, 3_600_000);
  end.abort();
  await running;
}

/**
 * What the kernel may hold at any moment: each frontend whole, as one of the states wants it that have been submitted since all was well.
 * One that all of those want is never missing. So no packet goes to what is no endpoint, and none is refused that has one.
 */
export class MomentJudge<T> {
  #states: readonly ReadonlyMap<string, T>[] = [];
  #wasWell = false;
  readonly #textOf: (row: T) => string;
  readonly complaints: string[] = [];

  /** `textOf` tells rows apart by what packets meet. */
  constructor(textOf: (row: T) => string) {
    this.#textOf = textOf;
  }

  submitted(rows: ReadonlyMap<string, T>, isWell: boolean): void {
    this.#states = isWell ? [...this.#states.slice(-1), rows] : [...this.#states, rows];
    this.#wasWell ||= isWell;
  }

  /** Of this moment; the answer is for what was seen in it, whenever that is read. */
  now(): (seen: ReadonlyMap<string, T>) => void {
    const [states, wasWell] = [this.#states, this.#wasWell];
    return (seen) => this.#judge(seen, states, wasWell);
  }

  #judge(seen: ReadonlyMap<string, T>, states: readonly ReadonlyMap<string, T>[], wasWell: boolean): void {
    for (const [key, row] of seen) {
      const wanted = states.flatMap((it) => it.get(key) ?? []).map(this.#textOf);
      const text = this.#textOf(row);
      if (!wanted.includes(text)) this.complaints.push(`${key} is ${text}, not one of ${wanted.join(' | ')}`);
    }
    if (!wasWell) return;
    for (const key of states[0]?.keys() ?? [])
      if (!seen.has(key) && states.every((it) => it.has(key))) this.complaints.push(`${key} is missing`);
  }
}

/** A small repeatable source of randomness (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
