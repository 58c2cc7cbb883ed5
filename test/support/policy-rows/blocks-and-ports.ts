// What the specification says of blocks of addresses, and ports: rows that are judged by the oracle, and tried in the kernel.

import { CUT, fromWeb, NO, OUT, toWeb, YES, type PolicyRow } from '../policy-table.ts';

export const BLOCKS: readonly PolicyRow[] = [
  {
    name: 'ipBlock: addresses outside',
    given: toWeb('{ from: [ { ipBlock: { cidr: 203.0.113.0/24 } } ] }'),
    asked: { '203.0.113.9 > a/web:80': '-outside a/p[0]', '198.51.100.1 > a/web:80': '-outside !a/p' },
  },
  {
    name: 'except takes away from its own block',
    given: toWeb(
      '{ from: [ { ipBlock: { cidr: 203.0.113.0/24, except: [203.0.113.0/28, 203.0.113.200/32] } } ] }',
    ),
    asked: {
      '203.0.113.9 > a/web:80': '-outside !a/p',
      '203.0.113.200 > a/web:80': '-outside !a/p',
      '203.0.113.20 > a/web:80': '-outside a/p[0]',
    },
  },
  {
    name: 'what one block excepts another may allow',
    given: toWeb(
      '{ from: [ { ipBlock: { cidr: 203.0.113.0/24, except: [203.0.113.0/28] } }, { ipBlock: { cidr: 203.0.113.9/32 } } ] }',
    ),
    asked: { '203.0.113.9 > a/web:80': '-outside a/p[0]', '203.0.113.8 > a/web:80': '-outside !a/p' },
  },
  {
    name: 'ipBlock: addresses of pods, too',
    given: toWeb('{ from: [ { ipBlock: { cidr: 10.0.2.0/24, except: [10.0.2.2/32] } } ] }'),
    asked: { 'b/web > a/web:80': YES, 'b/mute > a/web:80': NO, 'c/web > a/web:80': NO },
  },
  {
    name: 'ipBlock: egress to pods and outside',
    given: fromWeb('{ to: [ { ipBlock: { cidr: 10.0.2.0/24 } }, { ipBlock: { cidr: 203.0.113.0/24 } } ] }'),
    asked: {
      'a/web > b/web:80': OUT,
      'a/web > c/web:80': CUT,
      'a/web > 203.0.113.9:443': 'a/p[0] -outside',
      'a/web > 198.51.100.1:443': '!a/p -outside',
    },
  },
  {
    name: 'ipBlock: other nodes are addresses like any',
    given: toWeb('{ from: [ { ipBlock: { cidr: 192.0.2.2/32 } } ] }'),
    asked: {
      'n2 > a/web:80': '-node a/p[0]',
      '192.0.2.2 > a/web:80': '-node a/p[0]',
      'n2 > a/web:80 v6': '-node !a/p',
    },
  },
  {
    name: 'a block of everything is of one family',
    given: toWeb('{ from: [ { ipBlock: { cidr: 0.0.0.0/0 } } ] }'),
    asked: {
      'b/web > a/web:80': YES,
      'b/web > a/web:80 v6': NO,
      '203.0.113.9 > a/web:80': '-outside a/p[0]',
      'fd99::9 > a/web:80': '-outside !a/p',
    },
  },
  {
    name: 'a block of IPv6',
    given: toWeb("{ from: [ { ipBlock: { cidr: '::/0', except: ['fd02::/16'] } } ] }"),
    asked: { 'fd99::9 > a/web:80': '-outside a/p[0]', 'b/web > a/web:80 v6': NO, 'c/web > a/web:80': NO },
  },
  {
    name: 'host bits in a block are no mistake',
    given: toWeb('{ from: [ { ipBlock: { cidr: 203.0.113.77/24 } } ] }'),
    asked: { '203.0.113.9 > a/web:80': '-outside a/p[0]' },
  },
  {
    name: 'an address that a pod has is that pod',
    given: toWeb('{ from: [ { podSelector: {} } ] }'),
    asked: { '10.0.1.2 > a/web:80': YES, 'b/web > 10.0.1.1:80': NO },
  },
];

export const PORTS: readonly PolicyRow[] = [
  {
    name: 'absent ports: every port and protocol',
    given: toWeb('{ from: [ { namespaceSelector: {} } ] }'),
    asked: { 'b/web > a/web:1': YES, 'b/web > a/web:9/UDP': YES, 'b/web > a/web:9/SCTP': YES },
  },
  {
    name: 'empty ports: every port and protocol',
    given: toWeb('{ ports: [] }'),
    asked: { 'b/web > a/web:1': YES, 'b/web > a/web:9/UDP': YES },
  },
  {
    name: 'a port by number is of TCP',
    given: toWeb('{ ports: [ { port: 80 } ] }'),
    asked: {
      'b/web > a/web:80': YES,
      'b/web > a/web:81': NO,
      'b/web > a/web:80/UDP': NO,
      'b/web > a/web:80/SCTP': NO,
    },
  },
  {
    name: 'a port of another protocol',
    given: toWeb('{ ports: [ { port: 80, protocol: SCTP }, { port: 53, protocol: UDP } ] }'),
    asked: {
      'b/web > a/web:80/SCTP': YES,
      'b/web > a/web:53/UDP': YES,
      'b/web > a/web:80': NO,
      'b/web > a/web:53': NO,
    },
  },
  {
    name: 'a protocol without a port: all its ports',
    given: toWeb('{ ports: [ { protocol: UDP } ] }'),
    asked: { 'b/web > a/web:1/UDP': YES, 'b/web > a/web:1': NO },
  },
  {
    name: 'neither: all ports of TCP',
    given: toWeb('{ ports: [ {} ] }'),
    asked: { 'b/web > a/web:1': YES, 'b/web > a/web:1/UDP': NO },
  },
  {
    name: 'endPort: both ends belong to the range',
    given: toWeb('{ ports: [ { port: 8000, endPort: 8010 } ] }'),
    asked: {
      'b/web > a/web:7999': NO,
      'b/web > a/web:8000': YES,
      'b/web > a/web:8005': YES,
      'b/web > a/web:8010': YES,
      'b/web > a/web:8011': NO,
      'b/web > a/web:8005/UDP': NO,
    },
  },
  {
    name: 'endPort equal to port: one port',
    given: toWeb('{ ports: [ { port: 80, endPort: 80 } ] }'),
    asked: { 'b/web > a/web:80': YES, 'b/web > a/web:81': NO },
  },
  {
    name: 'endPort without a number, which the API refuses: nothing',
    given: toWeb('{ ports: [ { endPort: 90 }, { port: http, endPort: 90 } ] }'),
    asked: { 'b/web > a/web:80': NO },
  },
  {
    name: 'ingress by name: the port of the selected pod',
    given: 'a/p: { podSelector: {}, ingress: [ { ports: [ { port: http } ] } ] }',
    asked: {
      'b/web > a/web:80': YES,
      'b/web > a/web:8080': NO,
      'b/web > a/db:8080': YES,
      'b/web > a/db:80': NO,
    },
  },
  {
    name: 'by name: the protocol must match the rule and the container',
    given: toWeb('{ ports: [ { port: dns, protocol: UDP }, { port: dns } ] }'),
    asked: { 'b/web > a/web:53/UDP': YES, 'b/web > a/web:53': NO },
  },
  {
    name: 'a name that the pod has not matches nothing',
    given: toWeb('{ ports: [ { port: https } ] }'),
    asked: { 'b/web > a/web:443': NO, 'b/web > a/web:80': NO },
  },
  {
    name: 'digits in quotes are a name, which no port can have',
    given: toWeb("{ ports: [ { port: '80' } ] }"),
    asked: { 'b/web > a/web:80': NO },
  },
  {
    name: 'names of init containers that go on count, of others not',
    given: 'a/p: { podSelector: {}, ingress: [ { ports: [ { port: proxy }, { port: setup } ] } ] }',
    asked: { 'b/web > a/db:15000': YES, 'b/web > a/db:16000': NO },
  },
  {
    name: 'egress by name: the port of the peer',
    given: fromWeb('{ ports: [ { port: http } ] }'),
    asked: {
      'a/web > b/web:80': OUT,
      'a/web > b/mute:80': CUT,
      'a/web > a/db:8080': OUT,
      'a/web > a/db:80': CUT,
    },
  },
  {
    name: 'egress by name: nobody but pods has names',
    given: fromWeb('{ ports: [ { port: http } ] }'),
    asked: { 'a/web > 203.0.113.9:80': '!a/p -outside', 'a/web > n2:80': '!a/p -node' },
  },
  {
    name: 'peers and ports: both must match',
    given: toWeb('{ from: [ { podSelector: {} } ], ports: [ { port: 80 }, { port: 81 } ] }'),
    asked: { 'a/db > a/web:81': YES, 'a/db > a/web:82': NO, 'b/web > a/web:80': NO },
  },
];
