import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCidr, type Cidr } from '../../base/cidr.ts';
import { parseIp } from '../../base/ip.ts';
import { PEERS } from '../../base/policy-numbers.ts';
import { NO_PORTS, portsOf } from '../../base/port-set.ts';
import type { DirectionPolicy, PolicyAddress, PolicyPod } from '../../model/policy.ts';
import type { PolicyView } from '../shared-node/policy-backend.ts';
import { encodeElement, readKey, readValue } from './element-codec.ts';
import { renderPolicies } from './render.ts';
import { tableScript } from './skeleton.ts';
import { SET_PLANS, type PolicyElements } from './table-plan.ts';

const POD: PolicyPod = { namespace: 'shop', name: 'a', uid: 'u', ips: [], subject: 7, identity: 300 };
const WEB = 5;

function aDirection(entries: Readonly<Record<number, Readonly<Record<number, number>>>>): DirectionPolicy {
  const numbers = (of: Readonly<Record<number, number>>) =>
    new Map(Object.entries(of).map(([block, ruleSet]) => [Number(block), ruleSet]));
  return new Map(Object.entries(entries).map(([peer, of]) => [Number(peer), numbers(of)]));
}

function anAddress(peer: number, block = 0): PolicyAddress {
  return { peer, block };
}

function aView(over: Partial<PolicyView>): PolicyView {
  return {
    pods: new Map([['shop/a', POD]]),
    subjects: new Map([[7, { ingress: undefined, egress: undefined }]]),
    addresses: new Map(),
    blocks: new Map(),
    names: [],
    ruleSets: new Map(),
    links: [{ ifindex: 1, ips: [parseIp('10.0.0.1'), parseIp('fd00::1')], pod: { key: 'shop/a', uid: 'u' } }],
    ...over,
  };
}

function elementsOf(over: Partial<PolicyView>): PolicyElements {
  const [table] = renderPolicies(aView(over)).values();
  assert.ok(table);
  return table.elements;
}

/** "set key : value", sorted, without what every pod has. */
function textOf(elements: PolicyElements): readonly string[] {
  return [...elements]
    .filter(([key]) => !/^(links|identities|selves)/.test(key))
    .map(([key, value]) => (value === '' ? key : `${key} : ${value}`))
    .sort();
}

test('renderPolicies() says of every pod what its packets carry, and that it may speak to itself', () => {
  const elements = elementsOf({});
  assert.deepEqual(
    [...elements].filter(([key]) => /^(identities|selves)/.test(key)),
    [
      ['identities4 10.0.0.1', '300'],
      ['selves4 10.0.0.1 10.0.0.1', ''],
      ['identities6 fd00::1', '300'],
      ['selves6 fd00::1 fd00::1', ''],
    ],
  );
  const unknown = elementsOf({ pods: new Map([['shop/a', { ...POD, identity: undefined }]]) });
  assert.equal(unknown.get('identities4 10.0.0.1'), String(PEERS.unknownPod));
});

test('renderPolicies() opens a pod of which no policy speaks, and closes one that policies do not know', () => {
  assert.deepEqual(textOf(elementsOf({})), [
    'open-in4 10.0.0.1',
    'open-in6 fd00::1',
    'open-out4 10.0.0.1',
    'open-out6 fd00::1',
  ]);
  assert.deepEqual([...elementsOf({ pods: new Map() })], [['links 1', '']]);
  assert.deepEqual([...elementsOf({ subjects: new Map() })], [['links 1', '']]);
  const another = [{ ifindex: 1, ips: [parseIp('10.0.0.1')], pod: { key: 'shop/a', uid: 'before' } }];
  assert.deepEqual([...elementsOf({ links: another })], [['links 1', '']]);
});

test('renderPolicies() gives each peer its rule set, and rule sets their ports', () => {
  const ingress = aDirection({ [PEERS.outside]: { 0: 0 }, [PEERS.anyPod]: { 0: 1 }, 300: { 0: WEB } });
  const ports = { ...portsOf('TCP', { from: 80, to: 81 }), others: true };
  const elements = elementsOf({
    subjects: new Map([[7, { ingress, egress: undefined }]]),
    ruleSets: new Map([
      [WEB, ports],
      [6, { ...NO_PORTS, UDP: [{ from: 53, to: 53 }] }],
    ]),
    links: [{ ifindex: 1, ips: [parseIp('10.0.0.1')], pod: { key: 'shop/a', uid: 'u' } }],
  });
  assert.deepEqual(textOf(elements), [
    'in4 10.0.0.1 0 : 0',
    'in4 10.0.0.1 3 : 1',
    'in4 10.0.0.1 300 : 5',
    'open-out4 10.0.0.1',
    'others 5',
    'ports 5-5 6-6 80-81',
    'ports 6-6 17-17 53-53',
  ]);
});

test('renderPolicies() makes a profile where blocks differ, one for all that say the same', () => {
  const blocks = new Map<Cidr, PolicyAddress>([
    [parseCidr('10.0.0.0/8'), anAddress(PEERS.unknownPod, 1)],
    [parseCidr('10.9.0.0/16'), anAddress(PEERS.unknownPod, 2)],
    [parseCidr('10.9.0.7/32'), anAddress(300, 2)],
  ]);
  const egress = aDirection({
    [PEERS.outside]: { 0: 0, 1: 1, 2: 0 },
    [PEERS.anyPod]: { 0: 0, 1: 1, 2: 0 },
    // Nothing of block 1: what any pod has there counts.
    300: { 0: 0, 2: 0 },
    301: { 0: 1, 1: 1, 2: 1 },
  });
  const elements = elementsOf({
    addresses: blocks,
    blocks: new Map([
      [parseCidr('10.0.0.0/8'), 1],
      [parseCidr('10.9.0.0/16'), 2],
    ]),
    subjects: new Map([[7, { ingress: undefined, egress }]]),
    links: [{ ifindex: 1, ips: [parseIp('10.0.0.1')], pod: { key: 'shop/a', uid: 'u' } }],
  });
  const profile = elements.get('out4 10.0.0.1 0') ?? '';
  assert.ok(Number(profile) > 0x8000_0000, profile);
  assert.deepEqual(textOf(elements), [
    `defaults ${profile} : 0`,
    'hosts4 10.9.0.7 : 300',
    'open-in4 10.0.0.1',
    `out4 10.0.0.1 0 : ${profile}`,
    `out4 10.0.0.1 3 : ${profile}`,
    `out4 10.0.0.1 300 : ${profile}`,
    'out4 10.0.0.1 301 : 1',
    'ranges4 2147483648-2147483648 10.0.0.0-10.255.255.255 : 2',
    `ranges4 ${profile}-${profile} 10.0.0.0-10.8.255.255 : 1`,
    `ranges4 ${profile}-${profile} 10.10.0.0-10.255.255.255 : 1`,
    `ranges4 ${profile}-${profile} 10.9.0.0-10.9.255.255 : 0`,
  ]);
});

test('renderPolicies() knows the DNS of the cluster on the node', () => {
  const addresses = new Map([[parseCidr('10.96.0.10/32'), anAddress(PEERS.clusterDns)]]);
  const elements = elementsOf({ addresses, links: [] });
  assert.deepEqual(textOf(elements), ['dns4 10.96.0.10', 'hosts4 10.96.0.10 : 4']);
});

const SAMPLES = [
  'in4 10.0.0.1 300',
  'in6 fd00::1 2147483649',
  'hosts4 10.0.0.1',
  'selves6 fd00::1 fd00::1',
  'ranges4 2147483648-2147483648 10.0.0.0-10.255.255.255',
  'ranges6 3-3 fd00::-fd00::ffff',
  'defaults 2147483649',
  'ports 5-5 132-132 0-65535',
  'others 5',
  'links 7',
];

for (const sample of SAMPLES)
  test(`encodeElement() of "${sample}" is read back as it was`, () => {
    const set = sample.slice(0, sample.indexOf(' '));
    const plan = SET_PLANS.get(set);
    assert.ok(plan);
    const value = plan.isMap ? '305419896' : '';
    const element = encodeElement(plan, sample.slice(set.length + 1), value);
    assert.deepEqual([`${set} ${readKey(plan, element)}`, readValue(plan, element)], [sample, value]);
    assert.equal(encodeElement(plan, sample.slice(set.length + 1), undefined).data, undefined);
  });

test('tableScript() replaces the table with its elements in one transaction', () => {
  const script = tableScript(
    new Map([
      ['in4 10.0.0.1 300', '5'],
      ['ports 5-5 6-6 80-80', ''],
    ]),
  );
  const lines = script.split('\n');
  assert.deepEqual(lines.slice(0, 3), [
    'add table inet fairlead-policy',
    'delete table inet fairlead-policy',
    'add table inet fairlead-policy',
  ]);
  assert.deepEqual(lines.slice(-3), [
    'add element inet fairlead-policy in4 { 10.0.0.1 . 300 : 5 }',
    'add element inet fairlead-policy ports { 5 . 6 . 80 }',
    '',
  ]);
});
