// Compile against its two judges: the oracle, which reads the raw objects, and the whole recompute.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { inspect, isDeepStrictEqual } from 'node:util';
import { parseCidr } from '../../src/base/cidr.ts';
import { compareIps } from '../../src/base/ip.ts';
import { parsePort } from '../../src/base/port.ts';
import { compileCluster } from '../../src/compile/cluster.ts';
import { NodeCompiler, type CompiledNode } from '../../src/compile/node-compiler.ts';
import { viewOfNode } from '../../src/compile/view.ts';
import type { ClusterNetwork, Frontend, NodeView } from '../../src/model/network.ts';
import type {
  RawEndpointSlice,
  RawNode,
  RawPod,
  RawService,
  RawTrafficObjects,
} from '../../src/oracle/raw-objects.ts';
import { resolveHealthCheck, resolveService, type ServiceVerdict } from '../../src/oracle/service.ts';
import { anyState, NODE_NAMES } from './arbitrary-cluster.ts';
import { EXPANDERS, ofKind, type State } from './expanders.ts';
import { packetsAt, verdictOf } from './service-packets.ts';
import { FollowedStates, SlimStates } from './slim-state.ts';
import { yamlOf } from './yaml-of.ts';

const SETTINGS: ClusterNetwork = {
  podCidrs: [],
  serviceCidrs: [],
  clusterDomain: 'cluster.local',
  dnsIps: [],
  nodePortAddresses: [],
  allowsExternalIps: false,
};

/** What the cluster's operator may say beside the objects. */
const ALL_SETTINGS: readonly ClusterNetwork[] = [
  SETTINGS,
  { ...SETTINGS, allowsExternalIps: true },
  {
    ...SETTINGS,
    allowsExternalIps: true,
    nodePortAddresses: ['10.89.0.12/32', 'fd00:10:89::/64'].map(parseCidr),
  },
];

const PACKETS = new Map(NODE_NAMES.map((node) => [node, packetsAt(node)]));

function rawOf(state: State): RawTrafficObjects {
  return {
    services: ofKind<RawService>(state, 'Service'),
    endpointSlices: ofKind<RawEndpointSlice>(state, 'EndpointSlice'),
    nodes: ofKind<RawNode>(state, 'Node'),
    pods: ofKind<RawPod>(state, 'Pod'),
  };
}

/** A verdict with the kinds that random states must reach told apart. */
function kindOf(verdict: ServiceVerdict): string {
  if (verdict.kind !== 'endpoints') return verdict.kind;
  return verdict.isMasqueraded ? 'endpoints, masqueraded' : 'endpoints';
}

test('compileCluster() agrees with the oracle on every packet, for every node and client', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(anyState, fc.constantFrom(...ALL_SETTINGS), (state, settings) => {
      const raw = rawOf(state);
      const model = compileCluster(new SlimStates().of(state), settings);
      for (const [node, packets] of PACKETS) {
        const view = viewOfNode(model, node);
        for (const packet of view === undefined ? [] : packets) {
          const expected = resolveService(raw, packet, settings);
          const compiled = verdictOf(view, packet);
          seen.add(kindOf(expected));
          if (!isDeepStrictEqual(compiled, expected))
            assert.fail(
              `${JSON.stringify(packet)}: ${inspect(compiled)} is not ${inspect(expected)} in\n${yamlOf(state)}`,
            );
        }
      }
    }),
    { numRuns: 150 },
  );
  // Random states that never reach a case would prove nothing about it.
  const all = ['dropped', 'endpoints', 'endpoints, masqueraded', 'node-local', 'not-a-service', 'refused'];
  assert.deepEqual([...seen].sort(), all);
});

test('health checks count the ready endpoints that the oracle counts', () => {
  const seen = new Set<number | undefined>();
  fc.assert(
    fc.property(anyState, (state) => {
      const model = compileCluster(new SlimStates().of(state), SETTINGS);
      for (const node of model.nodes.keys()) {
        const compiled = viewOfNode(model, node)?.healthChecks.get(parsePort(32000));
        const expected = resolveHealthCheck(rawOf(state), node, 32000);
        seen.add(expected?.localEndpoints);
        assert.equal(compiled?.localEndpoints, expected?.localEndpoints);
        assert.equal(compiled && `${compiled.namespace}/${compiled.service}`, expected?.service);
      }
    }),
    { numRuns: 500 },
  );
  for (const count of [undefined, 0, 1]) assert.ok(seen.has(count), `no state with ${count} local endpoints`);
});

test('compiled endpoints are sorted and without duplicates', () => {
  fc.assert(
    fc.property(anyState, (state) => {
      const model = compileCluster(new SlimStates().of(state), SETTINGS);
      for (const node of model.nodes.keys())
        for (const { inside, outside } of viewOfNode(model, node)?.frontends.values() ?? [])
          for (const { endpoints } of [inside, outside]) {
            const sorted = [...endpoints].sort((a, b) => compareIps(a.ip, b.ip) || a.port - b.port);
            assert.deepEqual(endpoints, sorted);
            assert.equal(new Set(endpoints.map((it) => `${it.ip} ${it.port}`)).size, endpoints.length);
          }
    }),
  );
});

const NAMES = ['node-a', 'node-b', 'node-z'];

function whole(state: State): readonly (NodeView | undefined)[] {
  const model = compileCluster(new SlimStates().of(state), SETTINGS);
  return NAMES.map((name) => viewOfNode(model, name));
}

/** What a reader of keys alone has kept, who was told which keys changed. */
class KeptFrontends {
  #kept = new Map<string, Frontend>();

  take({ view, changedFrontends }: CompiledNode): ReadonlyMap<string, Frontend> {
    if (changedFrontends === undefined) this.#kept = new Map(view?.frontends);
    for (const key of changedFrontends ?? []) {
      const frontend = view?.frontends.get(key);
      if (frontend === undefined) this.#kept.delete(key);
      else this.#kept.set(key, frontend);
    }
    return this.#kept;
  }
}

for (const expander of EXPANDERS) {
  test(`incremental compile equals the whole one on every way there: ${expander.name}`, () => {
    fc.assert(
      fc.property(fc.array(anyState, { minLength: 1, maxLength: 4 }), (states) => {
        const followed = new FollowedStates();
        const compilers = NAMES.map((name) => new NodeCompiler(SETTINGS, name));
        const readers = NAMES.map(() => new KeptFrontends());
        for (const state of expander.expand(states)) {
          const { objects, changes } = followed.next(state);
          const compiled = compilers.map((it) => it.compile(objects, followed.inputs, changes));
          // Maps compare by content, not by order: order of keys is not part of a view.
          const expected = whole(state);
          assert.deepEqual(
            compiled.map(({ view }) => view),
            expected,
          );
          const kept = compiled.map((it, at) => readers[at]?.take(it));
          assert.deepEqual(
            kept,
            expected.map((view) => view?.frontends ?? new Map()),
          );
        }
        const last = states.at(-1) ?? new Map<string, unknown>();
        assert.deepEqual(whole(last), whole(new Map([...last].reverse())));
      }),
      { numRuns: 60 },
    );
  });
}
