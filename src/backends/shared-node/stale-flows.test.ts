import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aFrontend, SERVICE_NODE } from '../../../test/support/service-samples.ts';
import { FakeTarget, type Operation } from '../../../test/support/fake-target.ts';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { parseCidr } from '../../base/cidr.ts';
import { parseIp } from '../../base/ip.ts';
import { parsePort } from '../../base/port.ts';
import { frontendKey, type Frontend, type NodeView } from '../../model/network.ts';
import { Engine, part } from '../../reconcile/engine.ts';
import type { FlowFilter } from '../../sys/conntrack.ts';
import type { TrackedFlow } from '../../wire/netlink/conntrack.ts';
import { staleFlowPart } from './stale-flows.ts';
import { FLOW_REST } from '../../../test/support/tracked-flow.ts';

interface View {
  readonly services: NodeView | undefined;
  readonly changedFrontends: ReadonlySet<string> | undefined;
}

function aView(frontends: readonly Frontend[], changed?: readonly string[]): View {
  const services: NodeView = {
    node: { ...SERVICE_NODE, podCidrs: [parseCidr('10.244.1.0/24')] },
    peers: [],
    pods: [],
    frontends: new Map(frontends.map((it) => [frontendKey(it), it])),
    healthChecks: new Map(),
    cluster: {
      podCidrs: [parseCidr('10.244.0.0/16')],
      serviceCidrs: [parseCidr('10.96.0.0/16')],
      clusterDomain: 'cluster.local',
      dnsIps: [],
      nodePortAddresses: [],
      allowsExternalIps: false,
    },
  };
  return { services, changedFrontends: changed && new Set(changed) };
}

const DNS = { port: parsePort(53), protocol: 'UDP' } as const;

function aFlow(endpoint: string): TrackedFlow {
  const [client, vip] = [parseIp('10.244.1.7'), parseIp('10.96.0.5')];
  const original = { source: client, sourcePort: 4000, destination: vip, destinationPort: 53 };
  const reply = { source: parseIp(endpoint), sourcePort: 53, destination: client, destinationPort: 4000 };
  return { family: 4, protocol: 17, original, reply, ...FLOW_REST };
}

/** A table of flows, and what was asked of it, in one log with the backend beside it. */
class Rig {
  readonly clock = new ManualClock();
  readonly log: Operation[] = [];
  flows: TrackedFlow[] = [];
  isBroken = false;
  readonly #backend = new FakeTarget('backend', { log: this.log, entries: { old: '1' } });
  readonly engine = new Engine<View>({
    parts: [
      staleFlowPart<View>({ list: (filter) => this.#list(filter), forget: (filter) => this.#forget(filter) }),
      part(this.#backend, () => new Map([['new', '1']])),
    ],
    clock: this.clock,
    random: () => 0.5,
    report: () => undefined,
  });

  /** Runs until the view is programmed; what was asked of the table meanwhile. */
  async take(view: View, revision: number): Promise<readonly string[]> {
    const end = new AbortController();
    const start = this.log.length;
    const running = this.engine.run(end.signal);
    this.engine.submit(view, revision);
    await this.clock.runUntil(() => this.engine.isConverged, 10_000);
    end.abort();
    await running;
    return this.log.slice(start).map((it) => `${it.target} ${it.verb}`);
  }

  async #list(filter: FlowFilter): Promise<readonly TrackedFlow[]> {
    this.log.push({ target: 'flows', verb: 'observe', keys: [] });
    return Promise.resolve(this.flows.filter(filter));
  }

  async #forget(filter: FlowFilter): Promise<number> {
    this.log.push({ target: 'flows', verb: 'delete', keys: [] });
    if (this.isBroken) throw new Error('the kernel says no');
    const count = this.flows.length;
    this.flows = this.flows.filter((it) => !filter(it));
    return Promise.resolve(count - this.flows.length);
  }
}

test('flows are forgotten after the backends have added and removed', async () => {
  const rig = new Rig();
  rig.flows = [aFlow('10.244.1.1'), aFlow('10.244.1.2')];
  const asked = await rig.take(aView([aFrontend(['10.244.1.2:53'], DNS)]), 1);
  assert.deepEqual(rig.flows, [aFlow('10.244.1.2')]);
  assert.deepEqual(asked.slice(-3), ['backend update', 'backend delete', 'flows delete']);
});

test('the table is read once for a change of UDP, and not at all for one of TCP or of none', async () => {
  const rig = new Rig();
  const frontend = aFrontend(['10.244.1.2:53'], DNS);
  await rig.take(aView([frontend]), 1);
  const ofFlows = (asked: readonly string[]): readonly string[] => asked.filter((it) => it.startsWith('flows'));
  assert.deepEqual(ofFlows(await rig.take(aView([frontend], []), 2)), []);
  assert.deepEqual(ofFlows(await rig.take(aView([frontend], ['10.96.0.7:80/TCP']), 3)), []);
  rig.flows = [aFlow('10.244.1.2')];
  const moved = aFrontend(['10.244.1.3:53'], DNS);
  assert.deepEqual(ofFlows(await rig.take(aView([moved], [frontendKey(moved)]), 4)), ['flows delete']);
  assert.deepEqual(rig.flows, []);
}); // prettier-ignore

test('nothing is forgotten while Services are not known', async () => {
  const rig = new Rig();
  rig.flows = [aFlow('10.244.1.1')];
  const end = new AbortController();
  const running = rig.engine.run(end.signal);
  rig.engine.submit({ services: undefined, changedFrontends: undefined }, 1);
  await rig.clock.advance(120_000);
  end.abort();
  await running;
  assert.deepEqual(rig.log.filter((it) => it.target === 'flows'), []); // prettier-ignore
});

test('a table that refuses is tried again, and shown until then', async () => {
  const rig = new Rig();
  rig.flows = [aFlow('10.244.1.1')];
  rig.isBroken = true;
  const end = new AbortController();
  const running = rig.engine.run(end.signal);
  rig.engine.submit(aView([aFrontend([], DNS)]), 1);
  await rig.clock.advance(100);
  const [status] = rig.engine.status().targets;
  assert.deepEqual(status?.failures.map((it) => it.error), ['the kernel says no']); // prettier-ignore
  rig.isBroken = false;
  await rig.clock.runUntil(() => rig.engine.isConverged, 60_000);
  assert.deepEqual(rig.flows, []);
  end.abort();
  await running;
});

test('a resync finds a flow that came to be while nobody looked', async () => {
  const rig = new Rig();
  const view = aView([aFrontend(['10.244.1.2:53'], DNS)]);
  await rig.take(view, 1);
  rig.flows = [aFlow('10.244.1.1')];
  rig.engine.resync();
  await rig.take({ ...view, changedFrontends: new Set() }, 2);
  assert.deepEqual(rig.flows, []);
});

test('a resync that finds nothing stale reads the table and forgets nothing', async () => {
  const rig = new Rig();
  const view = aView([aFrontend(['10.244.1.2:53'], DNS)]);
  await rig.take(view, 1);
  rig.engine.resync();
  const asked = await rig.take({ ...view, changedFrontends: new Set() }, 2);
  assert.deepEqual(asked.filter((it) => it.startsWith('flows')), ['flows observe']); // prettier-ignore
});
