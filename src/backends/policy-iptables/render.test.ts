import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCidr, type Cidr } from '../../base/cidr.ts';
import { parseIp } from '../../base/ip.ts';
import { PEERS, RULE_SETS } from '../../base/policy-numbers.ts';
import { NO_PORTS, type PortSet } from '../../base/port-set.ts';
import type { DirectionPolicy, PolicyAddress, PolicyPod } from '../../model/policy.ts';
import type { PolicyView } from '../shared-node/policy-backend.ts';
import type { PolicyRules } from './policy-rules.ts';
import { PolicyRenderer } from './render.ts';

const POD: PolicyPod = { namespace: 'shop', name: 'a', uid: 'u', ips: [], subject: 7, identity: 300 };
const [WEB, BLOCK] = [5, 9];
const PORTS: PortSet = {
  ...NO_PORTS,
  TCP: [
    { from: 80, to: 80 },
    { from: 8000, to: 8010 },
  ],
};

function aDirection(
  entries: readonly (readonly [number, Readonly<Record<number, number>>])[],
): DirectionPolicy {
  return new Map(
    entries.map(([peer, of]) => [peer, new Map(Object.entries(of).map(([key, it]) => [Number(key), it]))]),
  );
}

const { none, all } = RULE_SETS;
/** Those of identity 301 reach the web ports, those of 302 everything, a block outside the web ports. */
const INGRESS = aDirection([
  [PEERS.outside, { 0: none, [BLOCK]: WEB }],
  [PEERS.anyPod, { 0: none }],
  [301, { 0: WEB }],
  [302, { 0: all }],
]);

const ADDRESSES: readonly (readonly [string, PolicyAddress])[] = [
  ['0.0.0.0/0', { peer: PEERS.outside, block: 0 }],
  ['10.0.0.0/16', { peer: PEERS.unknownPod, block: 0 }],
  ['10.0.0.1/32', { peer: 300, block: 0 }],
  ['10.0.1.1/32', { peer: 301, block: 0 }],
  ['10.0.1.2/32', { peer: 302, block: 0 }],
  ['192.0.2.1/32', { peer: PEERS.host, block: 0 }],
  ['203.0.113.0/24', { peer: PEERS.outside, block: BLOCK }],
];

function aView(over: Partial<PolicyView> = {}): PolicyView {
  return {
    pods: new Map([['shop/a', POD]]),
    subjects: new Map([[7, { ingress: INGRESS, egress: undefined }]]),
    addresses: new Map(ADDRESSES.map(([prefix, of]): [Cidr, PolicyAddress] => [parseCidr(prefix), of])),
    blocks: new Map([[parseCidr('203.0.113.0/24'), BLOCK]]),
    names: [],
    ruleSets: new Map([[WEB, PORTS]]),
    links: [{ ifindex: 1, ips: [parseIp('10.0.0.1')], pod: { key: 'shop/a', uid: 'u' } }],
    ...over,
  };
}

function rendered(view: PolicyView, renderer = new PolicyRenderer()): PolicyRules {
  const rules = renderer.render(view).get('IPv4');
  assert.ok(rules);
  return rules;
}

/** Chains and sets in the order of the way, with short names: "P1" for the first chain of the kind P. */
function told({ chains, sets }: PolicyRules): string {
  const short = new Map<string, string>();
  const counts = new Map<string, number>();
  const nameOf = (kind: string, name: string): string => {
    const known = short.get(name);
    if (known !== undefined) return known;
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    short.set(name, `${kind}${count}`);
    return `${kind}${count}`;
  };
  const text = [
    ...[...chains].reverse().flatMap(([name, it]) => it.text.split('\n').map((rule) => `${name}: ${rule}`)),
    ...[...sets].map(([name, elements]) => `${name} = ${[...elements].join(', ')}`),
  ].join('\n');
  return text
    .replaceAll(/FAIRLEAD-([A-Z])-[0-9a-f]{16}/g, (name, kind: string) => nameOf(kind, name))
    .replaceAll(/fl-policy4-[0-9a-f]{16}/g, (name) => nameOf('set', name))
    .replaceAll('FAIRLEAD-', '');
}

/** Of some chains. */
function toldOf(rules: PolicyRules, names: RegExp): readonly string[] {
  return told(rules)
    .split('\n')
    .filter((line) => names.test(line.split(': ')[0] ?? ''));
}

test('PolicyRenderer: the way of a packet to a pod', () => {
  const text = told(rendered(aView()));
  assert.equal(
    text.slice(text.indexOf('TO-POD: -d')),
    `TO-POD: -d 10.0.0.1/32 -g I1
TO-POD: -o fl+ -g DENY-IN
I1: -m mark --mark 0x1000000/0xff000000 -g A1
I1: -m mark ! --mark 0x0/0xff00 -g M1
I1: -m mark --mark 0x2/0xffff -g DENY-IN
I1: -g A1
M1: -m mark --mark 0x12d/0xffff -g P1
M1: -m mark --mark 0x12e/0xffff -j RETURN
M1: -g DENY-IN
A1: -m set --match-set set1 src -g B1
A1: -m set --match-set set2 src -j RETURN
A1: -m set --match-set set3 src -g P1
A1: -g DENY-IN
B1: -m set --match-set set4 src -g P1
B1: -g DENY-IN
P1: -p tcp -m multiport --dports 80,8000:8010 -j RETURN
P1: -g DENY-IN
DENY-IN: -s 10.0.0.1/32 -d 10.0.0.1/32 -j RETURN
DENY-IN: -g DROP-IN
set1 = 0.0.0.0/1, 128.0.0.0/1, 10.0.0.0/16 nomatch
set4 = 203.0.113.0/24
set2 = 10.0.1.2
set3 = 10.0.1.1`,
  );
});

test('PolicyRenderer: what is judged before policies are asked, and where packets end', () => {
  assert.deepEqual(toldOf(rendered(aView()), /^(POLICY|DROP-IN|FROM-POD)$/), [
    'POLICY: -m conntrack --ctdir REPLY -m connmark --mark 0x0/0x10000000 -j RETURN',
    'POLICY: -m conntrack --ctdir REPLY -j DROP',
    'POLICY: -p icmp -m conntrack --ctstate RELATED -j RETURN',
    'POLICY: -m connmark --mark 0x8000000/0x8000000 -m addrtype --src-type LOCAL -j RETURN',
    'POLICY: -j TO-POD',
    'POLICY: -j FROM-POD',
    'POLICY: -m connmark --mark 0x10000000/0x10000000 -j CONNMARK --set-xmark 0x0/0x10000000',
    'DROP-IN: -m limit --limit 100/sec --limit-burst 200 -j NFLOG --nflog-prefix "fairlead ingress" --nflog-group 76',
    'DROP-IN: -j CONNMARK --set-xmark 0x10000000/0x10000000',
    'DROP-IN: -j DROP',
    'FROM-POD: -s 10.0.0.1/32 -j RETURN',
    'FROM-POD: -i fl+ -g DENY-OUT',
  ]);
});

test('PolicyRenderer: what the node says to a link by itself is let pass, over IPv6', () => {
  const rules = new PolicyRenderer().render(aView()).get('IPv6');
  const judge = rules?.chains.get('FAIRLEAD-POLICY')?.text.split('\n');
  assert.deepEqual(judge?.slice(4, -3), [
    ...[133, 134, 135, 136, 137].map(
      (type) => `-p ipv6-icmp -m icmp6 --icmpv6-type ${type} -m hl --hl-eq 255 -j RETURN`,
    ),
    '-d ff02::/16 -j RETURN',
  ]);
});

test('PolicyRenderer: a pod that nobody knows is closed in both directions', () => {
  for (const over of [{ pods: new Map() }, { subjects: new Map() }])
    assert.deepEqual(toldOf(rendered(aView(over)), /^(TO|FROM)-POD$/), [
      'FROM-POD: -s 10.0.0.1/32 -g DENY-OUT',
      'FROM-POD: -i fl+ -g DENY-OUT',
      'TO-POD: -d 10.0.0.1/32 -g DENY-IN',
      'TO-POD: -o fl+ -g DENY-IN',
    ]);
});

test('PolicyRenderer: the cluster’s DNS on the node is asked as what a pod goes out to', () => {
  const dns: readonly [Cidr, PolicyAddress] = [
    parseCidr('10.96.0.10/32'),
    { peer: PEERS.clusterDns, block: 0 },
  ];
  const renderer = new PolicyRenderer();
  const view = aView();
  const withDns = { ...view, addresses: new Map([...view.addresses, dns]) };
  const own = (of: PolicyView): readonly string[] => toldOf(rendered(of, renderer), /^POLICY-OWN$/);
  assert.deepEqual(own(withDns), ['POLICY-OWN: -d 10.96.0.10/32 -j POLICY-DNS']);
  assert.deepEqual(own(view), ['POLICY-OWN: ']);
});

test('PolicyRenderer: policies with the same peers have the same sets, whatever is open with them', () => {
  const renderer = new PolicyRenderer();
  const [view, before] = [aView(), rendered(aView(), renderer)];
  const otherPorts = aDirection(
    [...INGRESS].map(([peer, of]) => [
      peer,
      Object.fromEntries([...of].map(([block, it]) => [block, it === WEB ? WEB + 1 : it])),
    ]),
  );
  const after = rendered(
    {
      ...view,
      subjects: new Map([[7, { ingress: otherPorts, egress: undefined }]]),
      ruleSets: new Map([[WEB + 1, { ...NO_PORTS, UDP: [{ from: 53, to: 53 }] }]]),
    },
    renderer,
  );
  assert.deepEqual(after.sets, before.sets);
  assert.notDeepEqual(after.chains, before.chains);
});

test('PolicyRenderer: a pod that comes elsewhere is an element more in the sets of its peer, and no other rule', () => {
  const renderer = new PolicyRenderer();
  const [view, before] = [aView(), rendered(aView(), renderer)];
  const came: readonly [Cidr, PolicyAddress] = [parseCidr('10.0.1.9/32'), { peer: 301, block: 0 }];
  const after = rendered({ ...view, addresses: new Map([...view.addresses, came]) }, renderer);
  assert.deepEqual(after.chains, before.chains);
  const changed = [...after.sets].filter(([name, it]) => before.sets.get(name) !== it);
  assert.deepEqual(
    changed.map(([, it]) => [...it]),
    [['10.0.1.1', '10.0.1.9']],
  );
});

test('PolicyRenderer: pods that are the same to policies share all of their chains', () => {
  const links = Array.from({ length: 100 }, (_, at) => ({
    ifindex: at + 1,
    ips: [parseIp(`10.0.0.${at + 1}`)],
    pod: { key: `shop/p${at}`, uid: '' },
  }));
  const pods = new Map(links.map(({ pod: { key } }) => [key, POD]));
  const { chains } = rendered(aView({ links, pods }));
  const kinds = Map.groupBy(chains.keys(), (it) => /^FAIRLEAD-([A-Z])-/.exec(it)?.[1] ?? '');
  assert.deepEqual(
    ['I', 'M', 'A', 'B', 'P'].map((it) => kinds.get(it)?.length),
    [1, 1, 1, 1, 1],
  );
});
