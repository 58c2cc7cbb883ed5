// Black box: ClusterNetworkPolicy, a custom resource elsewhere, served here with the rules of its schema.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestServer, type ApiClient } from '../../../test/support/api-server.ts';

let client: ApiClient;
let stop: () => Promise<void>;

before(async () => {
  ({ client, stop } = await startTestServer());
});
after(() => stop());

const GROUP = '/apis/policy.networking.k8s.io/v1alpha2';
const URL = `${GROUP}/clusternetworkpolicies`;

const ALL = { namespaces: {} };
const SPEC = { tier: 'Admin', priority: 10, subject: ALL };
const many = <T>(count: number, item: (i: number) => T): readonly T[] =>
  Array.from({ length: count }, (_, i) => item(i));

/** A policy with everything that there is, at its limits. */
const WHOLE = {
  tier: 'Baseline',
  priority: 1000,
  subject: { pods: { namespaceSelector: { matchLabels: { team: 'a' } }, podSelector: {} } },
  ingress: many(25, () => ({ action: 'Pass', from: many(25, () => ALL) })),
  egress: [
    {
      name: 'n'.repeat(100),
      action: 'Accept',
      to: [
        { nodes: { matchExpressions: [{ key: 'zone', operator: 'Exists' }] } },
        { networks: many(25, (i) => `10.${i}.0.1/16`) },
        { networks: ['fd00::/8', '0.0.0.0/0', '::/0'] },
        { domainNames: ['kubernetes.io', '*.kubernetes.io', 'a_b.Example.org.'] },
      ],
      protocols: [
        { tcp: { destinationPort: { number: 65_535 } } },
        { udp: { destinationPort: { range: { start: 1, end: 65_535 } } } },
        { sctp: { destinationPort: { number: 1 } } },
      ],
    },
    { action: 'Deny', to: [ALL], protocols: [{ destinationNamedPort: 'http' }] },
  ],
};

test('the group is discovered with the kind, its short name and its status', async () => {
  const { json } = await client.get(GROUP);
  assert.deepEqual(
    json.resources.map((it: { name: string; shortNames?: string[]; namespaced: boolean }) => [
      it.name,
      it.shortNames,
      it.namespaced,
    ]),
    [
      ['clusternetworkpolicies', ['cnp'], false],
      ['clusternetworkpolicies/status', undefined, false],
    ],
  );
  const document = await client.get('/openapi/v3/apis/policy.networking.k8s.io/v1alpha2');
  const schemas: readonly Record<string, unknown>[] = Object.values(document.json.components.schemas);
  const kinds = schemas.flatMap((it) => it['x-kubernetes-group-version-kind'] ?? []);
  assert.deepEqual(kinds, [
    { group: 'policy.networking.k8s.io', version: 'v1alpha2', kind: 'ClusterNetworkPolicy' },
  ]);
});

test('a policy is kept as it is, shown in columns, and its status written apart', async () => {
  const made = await client.post(URL, { metadata: { name: 'whole' }, spec: WHOLE });
  assert.equal(made.code, 201, made.text);
  assert.deepEqual([made.json.spec, made.json.metadata.generation], [WHOLE, 1]);
  const condition = {
    type: 'Accepted',
    status: 'True',
    reason: 'Read',
    message: '',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  };
  assert.equal(
    (await client.patch(`${URL}/whole/status`, { status: { conditions: [condition] } })).code,
    200,
  );
  const changed = await client.patch(`${URL}/whole`, { spec: { priority: 0 } });
  assert.deepEqual(
    [changed.json.spec.priority, changed.json.metadata.generation, changed.json.status.conditions],
    [0, 2, [condition]],
  );
  const { json } = await client.get(URL, 'application/json;as=Table;v=v1;g=meta.k8s.io');
  assert.deepEqual(
    json.columnDefinitions.map((it: { name: string }) => it.name),
    ['Name', 'Tier', 'Priority', 'Age'],
  );
  assert.deepEqual(json.rows[0].cells.slice(0, 3), ['whole', 'Baseline', '0']);
});

const ingress = (rule: object): object => ({ ...SPEC, ingress: [{ action: 'Deny', from: [ALL], ...rule }] });
const egress = (rule: object): object => ({ ...SPEC, egress: [{ action: 'Deny', to: [ALL], ...rule }] });
const port = (destinationPort: object): object => ingress({ protocols: [{ tcp: { destinationPort } }] });
const IN = 'spec.ingress[0]';
const OUT = 'spec.egress[0]';
const PORT = `${IN}.protocols[0].tcp.destinationPort`;

for (const [name, spec, causes] of [
  ['no specification', undefined, ['spec: Required value']],
  [
    'nothing in it',
    {},
    ['spec.tier: Required value', 'spec.priority: Required value', 'spec.subject: Required value'],
  ],
  [
    'a tier between the tiers',
    { ...SPEC, tier: 'NetworkPolicy' },
    ['spec.tier: Unsupported value: "NetworkPolicy": supported values: "Admin", "Baseline"'],
  ],
  [
    'a priority below 0',
    { ...SPEC, priority: -1 },
    ['spec.priority: Invalid value: -1: must be between 0 and 1000, inclusive'],
  ],
  [
    'a priority above 1000',
    { ...SPEC, priority: 1001 },
    ['spec.priority: Invalid value: 1001: must be between 0 and 1000, inclusive'],
  ],
  [
    'a subject that says nothing',
    { ...SPEC, subject: {} },
    ['spec.subject: Required value: exactly one member'],
  ],
  [
    'a subject that says it twice',
    { ...SPEC, subject: { namespaces: {}, pods: { podSelector: {} } } },
    ['spec.subject: Invalid value: ["namespaces","pods"]: must have exactly one member'],
  ],
  [
    'pods without a selector',
    { ...SPEC, subject: { pods: { namespaceSelector: {} } } },
    ['spec.subject.pods.podSelector: Required value'],
  ],
  [
    'a selector that selects by nothing known',
    { ...SPEC, subject: { namespaces: { matchExpressions: [{ key: 'a', operator: 'Like' }] } } },
    [
      'spec.subject.namespaces.matchExpressions[0].operator: Unsupported value: "Like": supported values: "In", "NotIn", "Exists", "DoesNotExist"',
    ],
  ],
  [
    '26 rules',
    { ...SPEC, ingress: many(26, () => ({ action: 'Deny', from: [ALL] })) },
    ['spec.ingress: Too many: 26: must have at most 25 items'],
  ],
  [
    'a rule with 26 peers',
    ingress({ from: many(26, () => ALL) }),
    [`${IN}.from: Too many: 26: must have at most 25 items`],
  ],
  ['a rule without peers', ingress({ from: [] }), [`${IN}.from: Required value: at least one item`]],
  [
    'a rule without the peers of its direction',
    { ...SPEC, egress: [{ action: 'Deny' }] },
    [`${OUT}.to: Required value: at least one item`],
  ],
  [
    'a long name of a rule',
    ingress({ name: 'n'.repeat(101) }),
    [`${IN}.name: Too long: may not be more than 100 bytes`],
  ],
  ['no action', ingress({ action: undefined }), [`${IN}.action: Required value`]],
  [
    'another action',
    ingress({ action: 'Allow' }),
    [`${IN}.action: Unsupported value: "Allow": supported values: "Accept", "Deny", "Pass"`],
  ],
  [
    'a peer that says nothing',
    ingress({ from: [{}] }),
    [`${IN}.from[0]: Required value: exactly one member`],
  ],
  [
    'a peer that is two',
    egress({ to: [{ nodes: {}, networks: ['10.0.0.0/8'] }] }),
    [`${OUT}.to[0]: Invalid value: ["nodes","networks"]: must have exactly one member`],
  ],
  [
    'a network that is none',
    egress({ to: [{ networks: ['10.0.0.0'] }] }),
    [`${OUT}.to[0].networks[0]: Invalid value: "10.0.0.0": not a valid CIDR`],
  ],
  [
    'a network that stands twice',
    egress({ to: [{ networks: ['10.0.0.0/8', '10.0.0.0/8'] }] }),
    [`${OUT}.to[0].networks[1]: Duplicate value: "10.0.0.0/8"`],
  ],
  [
    'no networks',
    egress({ to: [{ networks: [] }] }),
    [`${OUT}.to[0].networks: Required value: at least one item`],
  ],
  [
    '26 networks',
    egress({ to: [{ networks: many(26, (i) => `10.${i}.0.0/16`) }] }),
    [`${OUT}.to[0].networks: Too many: 26: must have at most 25 items`],
  ],
  ['no protocols', ingress({ protocols: [] }), [`${IN}.protocols: Required value: at least one item`]],
  [
    'a protocol that says nothing',
    ingress({ protocols: [{}] }),
    [`${IN}.protocols[0]: Required value: exactly one member`],
  ],
  ['a protocol without a port', ingress({ protocols: [{ tcp: {} }] }), [`${PORT}: Required value`]],
  [
    'two protocols in one',
    ingress({ protocols: [{ tcp: { destinationPort: { number: 1 } }, destinationNamedPort: 'a' }] }),
    [`${IN}.protocols[0]: Invalid value: ["tcp","destinationNamedPort"]: must have exactly one member`],
  ],
  [
    'port 0',
    port({ number: 0 }),
    [`${PORT}.number: Invalid value: 0: must be between 1 and 65535, inclusive`],
  ],
  ['a port that says nothing', port({}), [`${PORT}: Required value: exactly one member`]],
  [
    'a number and a range',
    port({ number: 1, range: { start: 1, end: 2 } }),
    [`${PORT}: Invalid value: ["number","range"]: must have exactly one member`],
  ],
  [
    'a range of one port',
    port({ range: { start: 5, end: 5 } }),
    [`${PORT}.range: Invalid value: {"start":5,"end":5}: start must be less than end`],
  ],
  [
    'a range without an end',
    port({ range: { start: 5 } }),
    [`${PORT}.range.end: Invalid value: null: must be between 1 and 65535, inclusive`],
  ],
  [
    'a named port beside peers without names',
    egress({ to: [ALL, { networks: ['::/0'] }], protocols: [{ destinationNamedPort: 'http' }] }),
    [`${OUT}.protocols: Forbidden: destinationNamedPort: nodes, networks, domainNames have none`],
  ],
] as const) {
  test(`a policy refuses ${name}`, async () => {
    const answer = await client.post(URL, { metadata: { name: 'bad' }, spec });
    assert.equal(answer.code, 422, answer.text);
    const found = answer.json.details.causes.map(
      (it: { field: string; message: string }) => `${it.field}: ${it.message}`,
    );
    assert.deepEqual(found, causes);
  });
}

for (const text of ['io', '*.io', 'a.*.io', '*', 'a..io', '-a.io', 'a b.io', '']) {
  test(`a policy refuses the domain name "${text}"`, async () => {
    const answer = await client.post(URL, {
      metadata: { name: 'bad' },
      spec: egress({ to: [{ domainNames: [text] }] }),
    });
    assert.deepEqual(
      [answer.code, answer.json.details?.causes[0].field],
      [422, `${OUT}.to[0].domainNames[0]`],
    );
  });
}

test('a policy refuses fields that it does not have', async () => {
  const spec = ingress({ from: [{ networks: ['10.0.0.0/8'] }] });
  const answer = await client.post(`${URL}?fieldValidation=Strict`, { metadata: { name: 'bad' }, spec });
  assert.equal(answer.code, 400, answer.text);
  assert.match(answer.json.message, /unknown field "spec\.ingress\[0\]\.from\[0\]\.networks"/);
});
