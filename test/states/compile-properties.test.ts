// Compile against its two judges: the oracle, which reads the raw objects, and the whole recompute.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseIp } from '../../src/base/ip.ts';
import { compileCluster } from '../../src/compile/cluster.ts';
import { NodeCompiler, type CompiledNode } from '../../src/compile/node-compiler.ts';
import { viewOfNode } from '../../src/compile/view.ts';
import { frontendKey, type ClusterNetwork, type Frontend, type NodeView } from '../../src/model/network.ts';
import { parseNode } from '../../src/objects/node.ts';
import type { RawEndpointSlice, RawService } from '../../src/oracle/raw-objects.ts';
import { resolveService, type ServiceVerdict } from '../../src/oracle/service.ts';
import { anyState, CLUSTER_IPS } from './arbitrary-cluster.ts';
import { EXPANDERS, ofKind, type State } from './expanders.ts';
import { FollowedStates, SlimStates } from './slim-state.ts';

const SETTINGS: ClusterNetwork = {
  podCidrs: [],
  serviceCidrs: [],
  clusterDomain: 'cluster.local',
  dnsIps: [],
  nodePortAddresses: [],
  allowsExternalIps: false,
};

const PACKETS = CLUSTER_IPS.flatMap((ip) =>
  [53, 80].flatMap((port) =>
    (['TCP', 'UDP'] as const).map((protocol) => ({ ip: parseIp(ip), port, protocol })),
  ),
);

/** As a node without a zone and without an endpoint has them. */
function frontendsOf(state: State): NodeView['frontends'] {
  const objects = new SlimStates().of(state);
  const nodes = new Map([['node-x', parseNode({ metadata: { name: 'node-x' } })]]);
  return viewOfNode(compileCluster({ ...objects, nodes }, SETTINGS), 'node-x')?.frontends ?? new Map();
}

/** A frontend in the words of the oracle. */
function verdictOf(frontend: Frontend | undefined): ServiceVerdict {
  if (frontend === undefined) return { kind: 'not-a-service' };
  const service = `${frontend.namespace}/${frontend.service}`;
  if (frontend.kind === 'node-local') return { kind: 'node-local', service };
  if (frontend.inside.endpoints.length === 0) return { kind: 'refused', service };
  const endpoints = new Set(frontend.inside.endpoints.map((it) => `${it.ip} ${it.port}`));
  return { kind: 'endpoints', service, endpoints };
}

test('compileCluster() agrees with the oracle on every packet', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(anyState, (state) => {
      const raw = {
        services: ofKind<RawService>(state, 'Service'),
        endpointSlices: ofKind<RawEndpointSlice>(state, 'EndpointSlice'),
      };
      const frontends = frontendsOf(state);
      for (const packet of PACKETS) {
        // The ports of PACKETS are ports; the brand is the slim parser's.
        const compiled = frontends.get(frontendKey(packet as Parameters<typeof frontendKey>[0]));
        const expected = resolveService(raw, packet);
        seen.add(expected.kind);
        assert.deepEqual(verdictOf(compiled), expected);
      }
    }),
    { numRuns: 500 },
  );
  // Random states that never reach a case would prove nothing about it.
  assert.deepEqual([...seen].sort(), ['endpoints', 'node-local', 'not-a-service', 'refused']);
});

test('compiled endpoints are sorted and without duplicates', () => {
  fc.assert(
    fc.property(anyState, (state) => {
      const frontends = frontendsOf(state);
      for (const { inside } of frontends.values()) {
        const { endpoints } = inside;
        const keys = endpoints.map((it) => `${it.ip} ${it.port}`);
        assert.deepEqual(new Set(keys).size, keys.length);
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
