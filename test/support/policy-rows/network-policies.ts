// What the specification says of isolation, peers, and hosts: rows that are judged by the oracle, and tried in the kernel.

import { CUT, fromWeb, NO, OUT, toWeb, YES, type PolicyRow } from '../policy-table.ts';

export const ISOLATION: readonly PolicyRow[] = [
  {
    name: 'no policy: everybody may speak to everybody',
    given: '',
    asked: { 'b/web > a/web:80': 'open open', 'a/web > 203.0.113.9:443': 'open -outside' },
  },
  {
    name: 'an empty podSelector isolates every pod of the namespace, and no other',
    given: 'a/p: { podSelector: {} }',
    asked: {
      'b/web > a/web:80': NO,
      'b/web > a/db:80': NO,
      'a/db > a/web:80': NO,
      'a/web > b/web:80': 'open open',
      'b/mute > b/web:80': 'open open',
    },
  },
  {
    name: 'an absent podSelector is an empty one',
    given: 'a/p: {}',
    asked: { 'b/web > a/db:80': NO },
  },
  {
    name: 'a podSelector isolates the pods with its labels',
    given: 'a/p: { podSelector: { matchLabels: { app: web } } }',
    asked: { 'b/web > a/web:80': NO, 'b/web > a/db:80': 'open open' },
  },
  {
    name: 'without policyTypes and egress rules: ingress alone',
    given: 'a/p: { podSelector: {}, egress: [] }',
    asked: { 'a/web > b/web:80': 'open open', 'b/web > a/web:80': NO },
  },
  {
    name: 'without policyTypes, with egress rules: both',
    given: 'a/p: { podSelector: {}, egress: [ { to: [ { podSelector: {} } ] } ] }',
    asked: { 'a/web > b/web:80': CUT, 'b/web > a/web:80': NO, 'a/web > a/db:80': 'a/p[0] !a/p' },
  },
  {
    name: 'empty policyTypes are absent ones',
    given: 'a/p: { podSelector: {}, policyTypes: [], egress: [ {} ] }',
    asked: { 'a/web > b/web:80': OUT, 'b/web > a/web:80': NO },
  },
  {
    name: 'type Ingress alone: egress rules do nothing',
    given: 'a/p: { podSelector: {}, policyTypes: [Ingress], egress: [ { to: [ { podSelector: {} } ] } ] }',
    asked: { 'a/web > b/web:80': 'open open', 'b/web > a/web:80': NO },
  },
  {
    name: 'type Egress alone: ingress rules do nothing',
    given: 'a/p: { podSelector: {}, policyTypes: [Egress], ingress: [ {} ] }',
    asked: { 'a/web > b/web:80': CUT, 'b/web > a/web:80': 'open open' },
  },
  {
    name: 'both types without rules: nothing in, nothing out',
    given: 'a/p: { podSelector: {}, policyTypes: [Ingress, Egress] }',
    asked: {
      'a/web > b/web:80': CUT,
      'b/web > a/web:80': NO,
      'a/web > a/db:80': '!a/p !a/p',
      'a/web > 203.0.113.9:443': '!a/p -outside',
      '203.0.113.9 > a/web:80': '-outside !a/p',
    },
  },
  {
    name: 'both ends must allow',
    given:
      'a/p: { podSelector: {}, policyTypes: [Egress], egress: [ {} ] }\nb/p: { podSelector: {}, ingress: [] }',
    asked: { 'a/web > b/web:80': 'a/p[0] !b/p' },
  },
  {
    name: 'policies add up',
    given: `a/p: { podSelector: {}, ingress: [ { from: [ { podSelector: {} } ] } ] }
a/q: { podSelector: { matchLabels: { app: web } }, ingress: [ {ports: [ { port: 1 } ] }, { ports: [ { port: 80 } ] } ] }`,
    asked: {
      'a/db > a/web:9': 'open a/p[0]',
      'b/web > a/web:80': 'open a/q[1]',
      'b/web > a/web:9': 'open !a/p,a/q',
      'b/web > a/db:80': NO,
    },
  },
  {
    name: 'of several rules that allow the first by name of the policy and index is named',
    given: `a/q: { podSelector: {}, ingress: [ {}, {} ] }\na/p: { podSelector: {}, ingress: [ { ports: [ { port: 1 } ] }, {} ] }`,
    asked: { 'b/web > a/web:80': 'open a/p[1]' },
  },
];

export const PEERS: readonly PolicyRow[] = [
  { name: 'a rule without from: everybody', given: toWeb('{}'), asked: everybody(YES, '-outside a/p[0]') },
  {
    name: 'a rule with an empty from: everybody',
    given: toWeb('{ from: [] }'),
    asked: everybody(YES, '-outside a/p[0]'),
  },
  {
    name: 'a rule with from: null as written by hand: everybody',
    given: toWeb('{ from: null }'),
    asked: everybody(YES, '-outside a/p[0]'),
  },
  {
    name: 'a rule with an empty to: everybody',
    given: fromWeb('{ to: [] }'),
    asked: { 'a/web > b/web:80': OUT, 'a/web > 203.0.113.9:443': 'a/p[0] -outside' },
  },
  {
    name: 'podSelector alone: pods of the own namespace',
    given: toWeb('{ from: [ { podSelector: { matchLabels: { app: db } } } ] }'),
    asked: { 'a/db > a/web:80': YES, 'b/web > a/web:80': NO },
  },
  {
    name: 'an empty podSelector alone: all pods of the own namespace, nobody else',
    given: toWeb('{ from: [ { podSelector: {} } ] }'),
    asked: { 'a/db > a/web:80': YES, 'b/web > a/web:80': NO, '203.0.113.9 > a/web:80': '-outside !a/p' },
  },
  {
    name: 'namespaceSelector alone: all pods there',
    given: toWeb('{ from: [ { namespaceSelector: { matchLabels: { team: blue } } } ] }'),
    asked: {
      'b/web > a/web:80': YES,
      'b/mute > a/web:80': YES,
      'a/db > a/web:80': NO,
      'c/web > a/web:80': NO,
    },
  },
  {
    name: 'an empty namespaceSelector: all pods of the cluster, nobody outside, no node',
    given: toWeb('{ from: [ { namespaceSelector: {} } ] }'),
    asked: {
      'b/web > a/web:80': YES,
      'c/web > a/web:80': YES,
      'a/db > a/web:80': YES,
      '203.0.113.9 > a/web:80': '-outside !a/p',
      'n2 > a/web:80': '-node !a/p',
    },
  },
  {
    name: 'both in one peer: both must match',
    given: toWeb(
      '{ from: [ { namespaceSelector: { matchLabels: { team: blue } }, podSelector: { matchLabels: { app: web } } } ] }',
    ),
    asked: { 'b/web > a/web:80': YES, 'b/mute > a/web:80': NO, 'c/web > a/web:80': NO },
  },
  {
    name: 'both in two peers: one must match, the podSelector in the own namespace',
    given: toWeb(
      '{ from: [ { namespaceSelector: { matchLabels: { team: blue } } }, { podSelector: { matchLabels: { app: db } } } ] }',
    ),
    asked: { 'b/mute > a/web:80': YES, 'a/db > a/web:80': YES, 'c/web > a/web:80': NO },
  },
  {
    name: 'every namespace has its name as a label',
    given: toWeb('{ from: [ { namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: c } } } ] }'),
    asked: { 'c/web > a/web:80': YES, 'b/web > a/web:80': NO },
  },
  {
    name: 'a peer of the other family: selectors do not look at addresses',
    given: toWeb('{ from: [ { namespaceSelector: {} } ] }'),
    asked: { 'b/web > a/web:80 v6': YES, 'b/six > a/web:80 v6': YES },
  },
  {
    name: 'egress: podSelector and namespaceSelector speak of the destination',
    given: fromWeb('{ to: [ { namespaceSelector: { matchLabels: { team: blue } } }, { podSelector: {} } ] }'),
    asked: { 'a/web > b/mute:80': OUT, 'a/web > a/db:80': OUT, 'a/web > c/web:80': CUT },
  },
  {
    name: 'a peer with nothing, which the API refuses: nobody',
    given: toWeb('{ from: [ {} ] }'),
    asked: { 'a/db > a/web:80': NO, '203.0.113.9 > a/web:80': '-outside !a/p' },
  },
  {
    name: 'a block beside a selector, which the API refuses: nobody',
    given: toWeb('{ from: [ { podSelector: {}, ipBlock: { cidr: 0.0.0.0/0 } } ] }'),
    asked: { 'a/db > a/web:80': NO, '203.0.113.9 > a/web:80': '-outside !a/p' },
  },
];

export const HOSTS: readonly PolicyRow[] = [
  {
    name: 'a pod of its node’s network is no subject',
    given: 'a/p: { podSelector: {}, policyTypes: [Ingress, Egress] }',
    asked: { 'b/web > a/host:80': 'open -node', 'a/host > b/web:80': '-node open' },
  },
  {
    name: 'nor a peer of selectors',
    given: toWeb('{ from: [ { namespaceSelector: {} }, { podSelector: {} } ] }'),
    asked: { 'a/far-host > a/web:80': '-node !a/p' },
  },
  {
    name: 'it is its node, also to blocks',
    given: toWeb('{ from: [ { ipBlock: { cidr: 192.0.2.0/24 } } ] }'),
    asked: { 'a/far-host > a/web:80': '-node a/p[0]' },
  },
  {
    name: 'a node’s own process is never a subject',
    given: 'a/p: { podSelector: {}, policyTypes: [Ingress, Egress] }',
    asked: { 'a/web > n2:22': '!a/p -node', 'n2 > b/web:80': '-node -own-node', 'n1 > n2:22': '-node -node' },
  },
  {
    name: 'between a pod and its own node: always',
    given: 'a/p: { podSelector: {}, policyTypes: [Ingress, Egress] }',
    asked: {
      'n1 > a/web:80': '-node -own-node',
      'a/web > n1:10250': '-own-node -node',
      'a/host > a/web:80': '-node -own-node',
      'a/web > a/host:80': '-own-node -node',
      'a/web > 192.0.2.1:10250': '-own-node -node',
      'n1 > a/web:80 v6': '-node -own-node',
    },
  },
  {
    name: 'another node: as policies say',
    given: 'a/p: { podSelector: {}, policyTypes: [Ingress, Egress] }',
    asked: { 'n2 > a/web:80': '-node !a/p', 'a/web > a/far-host:80': '!a/p -node' },
  },
  {
    name: 'a pod is never kept from itself',
    given: 'a/p: { podSelector: {}, policyTypes: [Ingress, Egress] }',
    asked: { 'a/web > a/web:80': '-itself -itself', 'a/web > 10.0.1.1:80': '-itself -itself' },
  },
  {
    name: 'the address of a pod that has ended is nobody’s',
    given: toWeb('{ from: [ { podSelector: {} } ] }'),
    asked: { '10.0.1.9 > a/web:80': '-outside !a/p' },
  },
];

function everybody(pods: string, outside: string): Record<string, string> {
  return { 'a/db > a/web:80': pods, 'b/mute > a/web:80': pods, '203.0.113.9 > a/web:80': outside };
}
