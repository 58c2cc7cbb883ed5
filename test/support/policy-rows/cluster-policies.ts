// What the specification says of ClusterNetworkPolicies: tiers, subjects, peers, protocols: rows that are judged by the oracle, and tried in the kernel.

import { CUT, NO, YES, type PolicyRow } from '../policy-table.ts';

function cluster(tier: string, rules: string, priority = 10): string {
  return `{ tier: ${tier}, priority: ${priority}, subject: { namespaces: { matchLabels: { team: red } } }, ${rules} }`;
}

const ALL_PODS = '{ namespaces: {} }';
const [ACCEPT, DENY, PASS] = ['Accept', 'Deny', 'Pass'].map(
  (action) => `ingress: [ { action: ${action}, from: [ ${ALL_PODS} ] } ]`,
) as [string, string, string];
const CLOSED = 'a/p: { podSelector: {} }';
const OPEN = 'a/p: { podSelector: {}, ingress: [ {} ] }';

/** An Admin policy on egress of all pods in namespace a: one rule. */
function adminOut(action: string, rest: string): string {
  return `x: ${cluster('Admin', `egress: [ { action: ${action}, ${rest} } ]`)}`;
}

export const TIERS: readonly PolicyRow[] = [
  {
    name: 'Admin Accept: no NetworkPolicy is asked',
    given: `x: ${cluster('Admin', ACCEPT)}\n${CLOSED}`,
    asked: { 'b/web > a/web:80': 'open x[0]' },
  },
  {
    name: 'Admin Deny: no NetworkPolicy is asked',
    given: `x: ${cluster('Admin', DENY)}\n${OPEN}`,
    asked: { 'b/web > a/web:80': 'open !x[0]' },
  },
  {
    name: 'Admin Pass: on to NetworkPolicies, past the rest of the tier',
    given: `x: ${cluster('Admin', PASS)}\ny: ${cluster('Admin', DENY, 20)}\n${OPEN}`,
    asked: { 'b/web > a/web:80': YES, 'b/web > a/db:80': YES },
  },
  {
    name: 'Admin Pass without NetworkPolicies: on to Baseline',
    given: `x: ${cluster('Admin', PASS)}\ny: ${cluster('Baseline', DENY)}`,
    asked: { 'b/web > a/web:80': 'open !y[0]' },
  },
  {
    name: 'no rule of Admin matches: on to NetworkPolicies',
    given: `x: ${cluster('Admin', DENY)}\n${CLOSED}`,
    asked: { '203.0.113.9 > a/web:80': '-outside !a/p' },
  },
  {
    name: 'Baseline Deny: where no NetworkPolicy isolates the pod',
    given: `x: ${cluster('Baseline', DENY)}\na/p: { podSelector: { matchLabels: { app: web } }, ingress: [ {} ] }`,
    asked: { 'b/web > a/web:80': YES, 'b/web > a/db:80': 'open !x[0]' },
  },
  {
    name: 'Baseline Accept does not lift an isolation',
    given: `x: ${cluster('Baseline', ACCEPT)}\n${CLOSED}`,
    asked: { 'b/web > a/web:80': NO },
  },
  {
    name: 'Baseline: isolation counts in its direction alone',
    given: `x: ${cluster('Baseline', DENY)}\na/p: { podSelector: {}, policyTypes: [Egress], egress: [ {} ] }`,
    asked: { 'b/web > a/web:80': 'open !x[0]' },
  },
  {
    name: 'Baseline Pass: the default, which allows',
    given: `x: ${cluster('Baseline', PASS)}\ny: ${cluster('Baseline', DENY, 20)}`,
    asked: { 'b/web > a/web:80': 'open open' },
  },
  {
    name: 'the lower priority number comes first',
    given: `x: ${cluster('Admin', DENY, 20)}\ny: ${cluster('Admin', ACCEPT, 10)}`,
    asked: { 'b/web > a/web:80': 'open y[0]' },
  },
  {
    name: 'priority 0 comes before 1000',
    given: `x: ${cluster('Admin', DENY, 1000)}\ny: ${cluster('Admin', ACCEPT, 0)}`,
    asked: { 'b/web > a/web:80': 'open y[0]' },
  },
  {
    name: 'of equal priorities the first by name comes first',
    given: `y: ${cluster('Admin', DENY)}\nx: ${cluster('Admin', ACCEPT)}`,
    asked: { 'b/web > a/web:80': 'open x[0]' },
  },
  {
    name: 'the first rule that matches decides',
    given: `x: ${cluster('Admin', `ingress: [ { action: Deny, from: [ ${ALL_PODS} ], protocols: [ { tcp: { destinationPort: { number: 22 } } } ] }, { action: Accept, from: [ ${ALL_PODS} ] } ]`)}`,
    asked: { 'b/web > a/web:22': 'open !x[0]', 'b/web > a/web:80': 'open x[1]' },
  },
  {
    name: 'without rules of a direction it does nothing there',
    given: `x: ${cluster('Admin', DENY)}`,
    asked: { 'a/web > b/web:80': 'open open' },
  },
  {
    name: 'each end has its own rules: an Accept of egress does not open ingress',
    given: `${adminOut('Accept', `to: [ ${ALL_PODS} ]`)}\nb/p: { podSelector: {} }`,
    asked: { 'a/web > b/web:80': 'x[0] !b/p' },
  },
  {
    name: 'the admin’s word does not reach a pod’s own node, nor itself',
    given: adminOut('Deny', 'to: [ { nodes: {} }, { namespaces: {} } ]'),
    asked: {
      'a/web > n1:80': '-own-node -node',
      'a/web > a/web:80': '-itself -itself',
      'a/web > n2:80': '!x[0] -node',
    },
  },
];

export const CLUSTER: readonly PolicyRow[] = [
  {
    name: 'subject pods: both selectors',
    given: `x: { tier: Admin, priority: 1, subject: { pods: { namespaceSelector: { matchLabels: { team: red } }, podSelector: { matchLabels: { app: web } } } }, ${DENY} }`,
    asked: {
      'c/web > a/web:80': 'open !x[0]',
      'c/web > a/db:80': 'open open',
      'c/web > b/web:80': 'open open',
    },
  },
  {
    name: 'subject pods: an absent namespaceSelector is an empty one',
    given: `x: { tier: Admin, priority: 1, subject: { pods: { podSelector: { matchLabels: { app: web } } } }, ${DENY} }`,
    asked: {
      'c/web > a/web:80': 'open !x[0]',
      'c/web > b/web:80': 'open !x[0]',
      'c/web > b/mute:80': 'open open',
    },
  },
  {
    name: 'subject without a field: nobody',
    given: `x: { tier: Admin, priority: 1, subject: {}, ${DENY} }`,
    asked: { 'c/web > a/web:80': 'open open' },
  },
  {
    name: 'subject and peers have no pods of their node’s network',
    given: `x: ${cluster('Admin', DENY)}`,
    asked: { 'b/web > a/host:80': 'open -node', 'a/far-host > a/web:80': '-node open' },
  },
  {
    name: 'peer pods: both selectors',
    given: `x: ${cluster('Admin', 'ingress: [ { action: Deny, from: [ { pods: { namespaceSelector: { matchLabels: { team: blue } }, podSelector: { matchLabels: { app: web } } } } ] } ]')}`,
    asked: {
      'b/web > a/web:80': 'open !x[0]',
      'b/mute > a/web:80': 'open open',
      'c/web > a/web:80': 'open open',
    },
  },
  {
    name: 'peer namespaces: pods alone',
    given: `x: ${cluster('Admin', DENY)}`,
    asked: { '203.0.113.9 > a/web:80': '-outside open', 'n2 > a/web:80': '-node open' },
  },
  {
    name: 'peer nodes: by label, with every address they have',
    given: adminOut('Deny', 'to: [ { nodes: { matchLabels: { zone: west } } } ]'),
    asked: {
      'a/web > n2:22': '!x[0] -node',
      'a/web > n2:22 v6': '!x[0] -node',
      'a/web > 198.18.0.2:22': '!x[0] -node',
      'a/web > a/far-host:22': '!x[0] -node',
      'a/web > b/web:80': 'open open',
    },
  },
  {
    name: 'peer nodes: other labels',
    given: adminOut('Deny', 'to: [ { nodes: { matchLabels: { zone: east } } } ]'),
    asked: { 'a/web > n2:22': 'open -node' },
  },
  {
    name: 'peer networks: outside, nodes and pods',
    given: adminOut('Deny', "to: [ { networks: [203.0.113.0/24, 10.0.2.0/24, 192.0.2.2/32, 'fd99::/16'] } ]"),
    asked: {
      'a/web > 203.0.113.9:443': '!x[0] -outside',
      'a/web > fd99::9:443': '!x[0] -outside',
      'a/web > b/web:80': '!x[0] open',
      'a/web > b/web:80 v6': 'open open',
      'a/web > n2:80': '!x[0] -node',
      'a/web > 198.51.100.1:443': 'open -outside',
    },
  },
  {
    name: 'peer domainNames: the addresses that were learned',
    given: `x: ${cluster('Admin', 'egress: [ { action: Accept, to: [ { domainNames: [Example.org.] } ] }, { action: Deny, to: [ { networks: [0.0.0.0/0, "::/0"] } ] } ]')}`,
    asked: {
      'a/web > 203.0.113.1:443': 'x[0] -outside',
      'a/web > fd99::1:443': 'x[0] -outside',
      'a/web > 203.0.113.2:443': '!x[1] -outside',
      'a/web > 203.0.113.4:443': '!x[1] -outside',
    },
  },
  {
    name: 'peer domainNames: a wildcard is one or more whole labels',
    given: `x: ${cluster('Admin', 'egress: [ { action: Accept, to: [ { domainNames: ["*.example.org"] } ] }, { action: Deny, to: [ { networks: [0.0.0.0/0] } ] } ]')}`,
    asked: {
      'a/web > 203.0.113.1:443': '!x[1] -outside',
      'a/web > 203.0.113.2:443': 'x[0] -outside',
      'a/web > 203.0.113.3:443': 'x[0] -outside',
      'a/web > 203.0.113.4:443': '!x[1] -outside',
    },
  },
  {
    name: 'domainNames are for Accept alone: other rules fail closed',
    given: adminOut('Pass', 'to: [ { domainNames: [example.org] } ]'),
    asked: { 'a/web > b/web:80': '!x[0] open' },
  },
  {
    name: 'absent protocols: every port and protocol',
    given: adminOut('Deny', `to: [ ${ALL_PODS} ]`),
    asked: { 'a/web > b/web:1/SCTP': '!x[0] open' },
  },
  {
    name: 'a protocol’s port by number',
    given: adminOut(
      'Deny',
      `to: [ ${ALL_PODS} ], protocols: [ { tcp: { destinationPort: { number: 80 } } } ]`,
    ),
    asked: {
      'a/web > b/web:80': '!x[0] open',
      'a/web > b/web:81': 'open open',
      'a/web > b/web:80/UDP': 'open open',
    },
  },
  {
    name: 'a protocol’s range: both ends belong to it',
    given: adminOut(
      'Deny',
      `to: [ ${ALL_PODS} ], protocols: [ { udp: { destinationPort: { range: { start: 10, end: 20 } } } } ]`,
    ),
    asked: {
      'a/web > b/web:9/UDP': 'open open',
      'a/web > b/web:10/UDP': '!x[0] open',
      'a/web > b/web:20/UDP': '!x[0] open',
      'a/web > b/web:21/UDP': 'open open',
      'a/web > b/web:15': 'open open',
    },
  },
  {
    name: 'a protocol without a port, as a newer version may have it: Deny denies all, Accept matches nothing',
    given: `${adminOut('Deny', `to: [ ${ALL_PODS} ], protocols: [ { sctp: {} } ]`)}
y: ${cluster('Admin', `ingress: [ { action: Accept, from: [ ${ALL_PODS} ], protocols: [ { tcp: { destinationPort: { number: 80 } } }, {} ] } ]`)}
${CLOSED}`,
    asked: { 'a/web > b/web:80': '!x[0] open', 'b/web > a/web:80': NO },
  },
  {
    name: 'of several protocols one must match',
    given: adminOut(
      'Deny',
      `to: [ ${ALL_PODS} ], protocols: [ { udp: { destinationPort: { number: 80 } } }, { tcp: { destinationPort: { number: 81 } } } ]`,
    ),
    asked: {
      'a/web > b/web:81': '!x[0] open',
      'a/web > b/web:80/UDP': '!x[0] open',
      'a/web > b/web:80': 'open open',
    },
  },
  {
    name: 'destinationNamedPort of egress: the peer’s, whatever its protocol',
    given: adminOut('Deny', `to: [ ${ALL_PODS} ], protocols: [ { destinationNamedPort: http } ]`),
    asked: {
      'a/web > b/web:80': '!x[0] open',
      'a/web > b/web:80/UDP': 'open open',
      'a/web > a/db:8080': '!x[0] open',
      'a/web > b/mute:80': 'open open',
    },
  },
  {
    name: 'destinationNamedPort of ingress: the subject’s',
    given: `x: ${cluster('Admin', `ingress: [ { action: Deny, from: [ ${ALL_PODS} ], protocols: [ { destinationNamedPort: dns } ] } ]`)}`,
    asked: { 'b/web > a/web:53/UDP': 'open !x[0]', 'b/web > a/web:53': 'open open' },
  },
  {
    name: 'a peer of a newer version: Accept matches nothing, though another peer would',
    given: `${adminOut('Accept', `to: [ ${ALL_PODS}, {} ]`)}\na/p: { podSelector: {}, policyTypes: [Egress] }`,
    asked: { 'a/web > b/web:80': CUT },
  },
  {
    name: 'a peer of a newer version: Deny and Pass deny all of the direction',
    given: adminOut('Deny', 'to: [ {} ], protocols: [ { tcp: { destinationPort: { number: 1 } } } ]'),
    asked: {
      'a/web > b/web:80': '!x[0] open',
      'a/web > 203.0.113.9:443': '!x[0] -outside',
      'b/web > a/web:80': 'open open',
    },
  },
  {
    name: 'ingress knows no networks: such a peer is of a newer version',
    given: `x: ${cluster('Admin', 'ingress: [ { action: Pass, from: [ { networks: [203.0.113.0/24] } ] } ]')}`,
    asked: { 'b/web > a/web:80': 'open !x[0]' },
  },
];
