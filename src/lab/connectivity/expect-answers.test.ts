import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { parseIp } from '../../base/ip.ts';
import { expectAnswers, type Expected, type PolicyLists } from './expect-answers.ts';

const DNS = [parseIp('10.96.0.10'), parseIp('fd00:10:96::a')];
const IPS = { client: 10, web: 11, other: 12 } as const;

function aPod(name: keyof typeof IPS): object {
  return {
    metadata: { namespace: 'a', name, labels: { app: name } },
    spec: { nodeName: 'n', containers: [] },
    status: { podIPs: [{ ip: `10.0.0.${IPS[name]}` }, { ip: `fd00::${IPS[name]}` }] },
  };
}

function aPolicy(spec: string): object {
  return { metadata: { namespace: 'a', name: 'p' }, spec: parse(spec) as object };
}

function lists(policies: readonly object[]): PolicyLists {
  return {
    pods: [aPod('client'), aPod('web'), aPod('other')],
    nodes: [{ metadata: { name: 'n' } }],
    namespaces: [{ metadata: { name: 'a' } }, { metadata: { name: 'kube-system' } }],
    networkPolicies: policies,
    clusterNetworkPolicies: [],
  } as unknown as PolicyLists;
}

/** Both families of each, at one port. */
function endpoints(...names: readonly (keyof typeof IPS)[]): readonly { ip: string; port: number }[] {
  return names.flatMap((it) => [`10.0.0.${IPS[it]}`, `fd00::${IPS[it]}`].map((ip) => ({ ip, port: 8080 })));
}

const TO_DNS =
  '{ to: [ { namespaceSelector: {}, podSelector: { matchLabels: { k8s-app: kube-dns } } } ], ports: [ { port: 53, protocol: UDP } ] }';

interface Row {
  readonly name: string;
  readonly policies: readonly string[];
  readonly to: readonly (keyof typeof IPS)[];
  readonly expected: Expected;
}

const ROWS: readonly Row[] = [
  { name: 'no policy', policies: [], to: ['web'], expected: 'answer' },
  {
    name: 'the endpoint lets nobody in',
    policies: ['{ podSelector: { matchLabels: { app: web } } }'],
    to: ['web'],
    expected: 'silence',
  },
  {
    name: 'one of two endpoints lets nobody in',
    policies: ['{ podSelector: { matchLabels: { app: web } } }'],
    to: ['web', 'other'],
    expected: 'either',
  },
  {
    name: 'another port is open',
    policies: ['{ podSelector: { matchLabels: { app: web } }, ingress: [ { ports: [ { port: 80 } ] } ] }'],
    to: ['web'],
    expected: 'silence',
  },
  {
    name: 'the way out leads there, and not to names',
    policies: ['{ podSelector: {}, policyTypes: [Egress], egress: [ { to: [ { podSelector: {} } ] } ] }'],
    to: ['web'],
    expected: 'silence',
  },
  {
    name: 'the way out leads there and to names',
    policies: [
      `{ podSelector: {}, policyTypes: [Egress], egress: [ { to: [ { podSelector: {} } ] }, ${TO_DNS} ] }`,
    ],
    to: ['web'],
    expected: 'answer',
  },
];

describe('expectAnswers()', () => {
  for (const { name, policies, to, expected } of ROWS)
    test(name, () => {
      const probe = { from: 'a/client', protocol: 'TCP' as const, endpoints: endpoints(...to) };
      assert.deepEqual(expectAnswers([probe], DNS, lists(policies.map(aPolicy))), [expected]);
    });

  test('says nothing of a family that the pod does not have', () => {
    const all = lists([aPolicy('{ podSelector: { matchLabels: { app: web } } }')]);
    const [client, ...others] = all.pods;
    const v4 = { ...client, status: { podIPs: [{ ip: '10.0.0.10' }] } } as (typeof all.pods)[number];
    const probe = { from: 'a/client', protocol: 'TCP' as const, endpoints: endpoints('other') };
    assert.deepEqual(expectAnswers([probe], DNS, { ...all, pods: [v4, ...others] }), ['answer']);
  });
});
