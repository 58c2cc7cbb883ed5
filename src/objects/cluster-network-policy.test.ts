import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseClusterNetworkPolicy, type ClusterNetworkPolicy } from './cluster-network-policy.ts';

const SUBJECT = { namespaces: {} };

function parse(spec: object): ClusterNetworkPolicy {
  const own = { tier: 'Admin', priority: 5, subject: SUBJECT, ...spec };
  return parseClusterNetworkPolicy({ metadata: { name: 'p', uid: 'u' }, spec: own });
}

function ruleOf(rule: object): unknown {
  return parse({ egress: [{ action: 'Accept', to: [SUBJECT], ...rule }] }).egress[0];
}

const TEAM = { matchLabels: { team: 'a' } };
const TEAM_SELECTOR = [{ kind: 'in', key: 'team', values: new Set(['a']) }];
const EVERYBODY = { kind: 'pods', namespaces: [], pods: [] };
const DENY_ALL = { name: undefined, action: 'Deny', peers: [{ kind: 'all' }], ports: undefined };

test('parseClusterNetworkPolicy() reads tier, priority and subject; absent rules are none', () => {
  assert.deepEqual(parse({ tier: 'Baseline', priority: 0, subject: { namespaces: TEAM } }), {
    namespace: '',
    name: 'p',
    uid: 'u',
    labels: new Map(),
    tier: 'Baseline',
    priority: 0,
    subject: { namespaces: TEAM_SELECTOR, pods: [] },
    ingress: [],
    egress: [],
  });
  assert.deepEqual(parse({ subject: { pods: { podSelector: TEAM } } }).subject, {
    namespaces: [],
    pods: TEAM_SELECTOR,
  });
});

for (const { name, rule, expected } of [
  { name: 'every port where none is named', rule: {}, expected: { peers: [EVERYBODY], ports: undefined } },
  { name: 'its name', rule: { name: 'web' }, expected: { name: 'web' } },
  {
    name: 'pods of namespaces',
    rule: { to: [{ pods: { namespaceSelector: TEAM, podSelector: {} } }, { namespaces: TEAM }] },
    expected: {
      peers: [
        { kind: 'pods', namespaces: TEAM_SELECTOR, pods: [] },
        { kind: 'pods', namespaces: TEAM_SELECTOR, pods: [] },
      ],
    },
  },
  {
    name: 'nodes',
    rule: { to: [{ nodes: TEAM }] },
    expected: { peers: [{ kind: 'nodes', nodes: TEAM_SELECTOR }] },
  },
  {
    name: 'networks, without their host bits',
    rule: { to: [{ networks: ['10.0.0.1/8', 'FD00::/8', '0.0.0.0/0'] }] },
    expected: { peers: [{ kind: 'networks', cidrs: ['10.0.0.0/8', 'fd00::/8', '0.0.0.0/0'] }] },
  },
  {
    name: 'domain names in one way to write them',
    rule: { to: [{ domainNames: ['Kubernetes.IO.', '*.k8s.io'] }] },
    expected: { peers: [{ kind: 'names', names: ['kubernetes.io', '*.k8s.io'] }] },
  },
  {
    name: 'ports by number, range and name',
    rule: {
      protocols: [
        { tcp: { destinationPort: { number: 80 } } },
        { udp: { destinationPort: { range: { start: 1, end: 65_535 } } } },
        { sctp: { destinationPort: { number: 9 } } },
        { destinationNamedPort: 'http' },
      ],
    },
    expected: {
      ports: [
        { kind: 'numbers', protocol: 'TCP', first: 80, last: 80 },
        { kind: 'numbers', protocol: 'UDP', first: 1, last: 65_535 },
        { kind: 'numbers', protocol: 'SCTP', first: 9, last: 9 },
        { kind: 'name', name: 'http' },
      ],
    },
  },
  {
    name: 'nobody where it accepts an unknown peer beside a known one',
    rule: { to: [{ planets: {} }, SUBJECT] },
    expected: { action: 'Accept', peers: [], ports: [] },
  },
  {
    name: 'nobody where it accepts unknown peers alone',
    rule: { to: [{ planets: {} }] },
    expected: { peers: [], ports: [] },
  },
  {
    name: 'nothing where it accepts an unknown protocol',
    rule: { protocols: [{ quic: {} }, { tcp: {} }, { udp: { destinationPort: { list: [1] } } }] },
    expected: { action: 'Accept', peers: [], ports: [] },
  },
  {
    name: 'a denial of all where it denies an unknown peer',
    rule: { action: 'Deny', to: [{ planets: {} }, SUBJECT] },
    expected: DENY_ALL,
  },
  {
    name: 'a denial of all where it passes an unknown peer on',
    rule: { action: 'Pass', to: [{ planets: {} }] },
    expected: DENY_ALL,
  },
  {
    name: 'a denial of all where it denies names: whoever has them is never wholly known',
    rule: { action: 'Deny', to: [{ domainNames: ['k8s.io'] }] },
    expected: DENY_ALL,
  },
  {
    name: 'a denial of all where it denies an unknown protocol',
    rule: { action: 'Deny', protocols: [{ quic: {} }] },
    expected: DENY_ALL,
  },
]) {
  test(`parseClusterNetworkPolicy() reads of a rule ${name}`, () => {
    const usual = { name: undefined, action: 'Accept', peers: [EVERYBODY], ports: undefined };
    assert.deepEqual(ruleOf(rule), { ...usual, ...expected });
  });
}

test('parseClusterNetworkPolicy() keeps rules in their order, each direction by its own peers', () => {
  const { ingress, egress } = parse({
    ingress: ['Pass', 'Deny', 'Accept'].map((action) => ({ action, from: [SUBJECT] })),
    egress: [{ action: 'Deny', to: [{ networks: ['::/0'] }] }],
  });
  assert.deepEqual(
    [...ingress, ...egress].map(({ action, peers }) => `${action} ${peers[0]?.kind}`),
    ['Pass pods', 'Deny pods', 'Accept pods', 'Deny networks'],
  );
});

for (const { spec, message } of [
  {
    spec: { tier: 'NetworkPolicy' },
    message: /ClusterNetworkPolicy p: spec\.tier: must be Admin or Baseline/,
  },
  { spec: { priority: 1001 }, message: /spec\.priority: must be a whole number from 0 to 1000/ },
  { spec: { priority: undefined }, message: /spec\.priority/ },
  { spec: { subject: {} }, message: /spec\.subject: must have namespaces or pods/ },
  { spec: { subject: { pods: {} } }, message: /spec\.subject\.pods\.podSelector: must be there/ },
  {
    spec: { ingress: [{ action: 'Deny' }] },
    message: /spec\.ingress\[0\]\.from: must name at least one peer/,
  },
  {
    spec: { egress: [{ action: 'Drop', to: [SUBJECT] }] },
    message: /spec\.egress\[0\]\.action: must be Accept or Deny or Pass/,
  },
  {
    spec: { egress: [{ action: 'Deny', to: [{ networks: ['10.0.0.0'] }] }] },
    message: /spec\.egress\[0\]\.to\[0\]\.networks\[0\]/,
  },
  {
    spec: {
      egress: [
        {
          action: 'Deny',
          to: [SUBJECT],
          protocols: [{ tcp: { destinationPort: { range: { start: 2, end: 1 } } } }],
        },
      ],
    },
    message: /protocols\[0\]\.tcp\.destinationPort\.range: must start before its end/,
  },
  {
    spec: { subject: { namespaces: { matchExpressions: [{ key: 'a', operator: 'Like' }] } } },
    message: /spec\.subject\.namespaces: .*Like/,
  },
]) {
  test(`parseClusterNetworkPolicy() names ${String(message)}`, () => {
    assert.throws(() => parse(spec), message);
  });
}
