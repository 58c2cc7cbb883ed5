// The rows of the specification, tried in the kernel. What passes is said by the rows themselves, whatever the oracle makes of them.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseCidr } from '../../src/base/cidr.ts';
import { hasCode } from '../../src/base/errors.ts';
import { familyOf, parseIp, type Ip } from '../../src/base/ip.ts';
import type { Lifetime } from '../../src/base/lifetime.ts';
import { PolicyCompiler } from '../../src/compile/policy/policy-compiler.ts';
import type { PolicyObjects } from '../../src/compile/policy/policy-objects.ts';
import { allAddresses, locateEnd } from '../../src/oracle/policy-end.ts';
import type { RawPolicyObjects } from '../../src/oracle/raw-policies.ts';
import { BLOCKS, PORTS } from '../support/policy-rows/blocks-and-ports.ts';
import { CLUSTER, TIERS } from '../support/policy-rows/cluster-policies.ts';
import { HOSTS, ISOLATION, PEERS } from '../support/policy-rows/network-policies.ts';
import { SELECTORS } from '../support/policy-rows/selectors.ts';
import { slimPolicyObjects } from '../support/policy-state.ts';
import { aConnection, POLICY_WORLD, withPolicies, type PolicyRow } from '../support/policy-table.ts';
import type { RawPolicyState } from '../states/arbitrary-policies.ts';
import { probeAll, serveEverywhere, type Party, type Probe } from './policy-prober.ts';
import type { PolicyContract } from './policy-contract.ts';
import { openForSuite, type KeptWorld } from './policy-suite.ts';
import { buildPolicyWorld, type PolicyWorld } from './policy-world.ts';

const ROWS = [ISOLATION, PEERS, HOSTS, SELECTORS, BLOCKS, PORTS, TIERS, CLUSTER].flat();
const NODE = 'n1';
const NETWORK = {
  podCidrs: ['10.0.0.0/16', 'fd01::/64', 'fd02::/64', 'fd03::/64'].map(parseCidr),
  dnsIps: [],
};

/** Pods of the node with a network of their own. */
const OWN_PODS = POLICY_WORLD.pods
  .filter(
    ({ spec, status }) => spec.nodeName === NODE && spec.hostNetwork !== true && status?.phase === 'Running',
  )
  .map(({ status }) => (status?.podIPs ?? []).map(({ ip }) => parseIp(ip)))
  .flatMap(([v4, v6]): readonly (readonly [Ip, Ip])[] =>
    v4 === undefined || v6 === undefined ? [] : [[v4, v6]],
  );
const [OWN_NODE] = POLICY_WORLD.nodes.filter((it) => it.metadata.name === NODE);
assert.ok(OWN_NODE);
/** The first two are its own, of each family one; the last is one by which it is known outside. */
const NODE_IPS = allAddresses(OWN_NODE).slice(0, 2);

interface Asked {
  readonly text: string;
  readonly from: Ip;
  readonly to: Ip;
  readonly protocol: Probe['protocol'];
  readonly port: number;
  /** Whether the row lets it pass, as far as this node is asked. */
  readonly passes: boolean;
}

function isOwn(ip: Ip): boolean {
  return OWN_PODS.some((ips) => ips.includes(ip));
}

/** Those that this node has a part in. */
function askedBy({ given, asked }: PolicyRow): readonly Asked[] {
  const objects = withPolicies(given);
  return Object.entries(asked).flatMap(([text, sides]): readonly Asked[] => {
    const connection = aConnection(text);
    const { family, protocol, port } = connection;
    const [from, to] = [connection.from, connection.to].map((it) => locateEnd(objects, it, family).ip);
    assert.ok(from && to);
    if (protocol === 'SCTP' || !(isOwn(from) || isOwn(to))) return [];
    const [egress = '', ingress = ''] = sides.split(' ');
    const passes = !(isOwn(from) && egress.startsWith('!')) && !(isOwn(to) && ingress.startsWith('!'));
    return [{ text, from, to, protocol, port, passes }];
  });
}

/** Undefined where the API takes no such objects. */
function objectsOf(raw: RawPolicyObjects): PolicyObjects | undefined {
  const learned = [...(raw.learnedNames ?? [])];
  try {
    return slimPolicyObjects({ ...raw, learned } as unknown as RawPolicyState);
  } catch (error) {
    if (hasCode(error, 'invalid')) return undefined;
    throw error;
  }
}

export function policyTableContract({ name, makePolicies }: PolicyContract): void {
  describe(`what the specification says, by ${name}`, () => {
    const kept = openForSuite(`table of policies by ${name}`, makePolicies, buildTableWorld);

    for (const row of ROWS) {
      const asked = askedBy(row);
      const objects = objectsOf(withPolicies(row.given));
      const none = asked.length === 0 && 'it is about pods of other nodes, or about SCTP';
      test(row.name, { skip: objects === undefined ? 'the API refuses it' : none }, async () => {
        if (objects !== undefined) await tryRow(kept(), objects, asked);
      });
    }
  });
}

async function buildTableWorld(lifetime: Lifetime): Promise<PolicyWorld> {
  const all = ROWS.flatMap(askedBy);
  const ips = new Set(all.flatMap((it) => [it.from, it.to]));
  const far = [...ips].filter((ip) => !isOwn(ip) && !NODE_IPS.includes(ip));
  const ports = [...new Set(all.map((it) => it.port))];
  const pods = new Map(OWN_PODS.map((it) => [it[0], it]));
  const world = buildPolicyWorld({ pods, nodeIps: NODE_IPS, far }, lifetime);
  const parties = [...OWN_PODS.flat(), ...NODE_IPS, ...far].map((ip) => partyOf(world, ip));
  await serveEverywhere(parties, { TCP: ports, UDP: ports }, lifetime);
  return world;
}

function partyOf({ pods, nodeNetns, farNetns }: PolicyWorld, ip: Ip): Party {
  const own = [...pods.values()].find(({ ips }) => ips.includes(ip));
  return { netns: own?.netns ?? (NODE_IPS.includes(ip) ? nodeNetns : farNetns), ip };
}

async function tryRow(
  { world, running }: KeptWorld,
  objects: PolicyObjects,
  asked: readonly Asked[],
): Promise<void> {
  await running.apply(new PolicyCompiler({ nodeName: NODE, cluster: NETWORK }).compile(objects));
  const answers = await probeAll(
    asked.map(({ from, to, protocol, port, passes }) => {
      return { from: partyOf(world, from), to: partyOf(world, to), protocol, port, isExpected: passes };
    }),
  );
  const told = asked.map(
    ({ text, from }, i) => `${text} (IPv${familyOf(from)}): ${answers[i] === true ? 'passes' : 'is denied'}`,
  );
  const expected = asked.map(
    ({ text, from, passes }) => `${text} (IPv${familyOf(from)}): ${passes ? 'passes' : 'is denied'}`,
  );
  assert.deepEqual(told, expected);
}
