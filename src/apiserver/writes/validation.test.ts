// Black box: what the API refuses, with the field and the reason; what it fills in; what it hands out.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestServer, type Answer, type ApiClient } from '../../../test/support/api-server.ts';

let client: ApiClient;
let stop: () => Promise<void>;

before(async () => {
  ({ client, stop } = await startTestServer());
});
after(() => stop());

const CORE = '/api/v1/namespaces/default';
const APPS = '/apis/apps/v1/namespaces/default';
const NETWORKING = '/apis/networking.k8s.io/v1/namespaces/default';

/** "field reason" of every cause. */
function causes({ json }: Answer): string[] {
  return (json.details?.causes ?? []).map(
    (it: { field: string; reason: string }) => `${it.field} ${it.reason.replace('FieldValue', '')}`,
  );
}

const container = { name: 'c', image: 'i' };
const template = { metadata: { labels: { app: 'a' } }, spec: { containers: [container] } };
const selector = { matchLabels: { app: 'a' } };
const service = (spec: object): object => ({
  metadata: { name: 'bad' },
  spec: { ports: [{ port: 80 }], ...spec },
});

const REFUSED: readonly { name: string; url: string; body: object; causes: string[] }[] = [
  {
    name: 'no containers',
    url: `${CORE}/pods`,
    body: { metadata: { name: 'bad' }, spec: { containers: [] } },
    causes: ['spec.containers Required'],
  },
  {
    name: 'pod with many errors',
    url: `${CORE}/pods`,
    body: {
      metadata: { name: 'Bad_Name' },
      spec: {
        restartPolicy: 'Sometimes',
        containers: [
          { name: 'a', image: 'i', ports: [{ containerPort: 70000 }], env: [{ name: 'A=B' }] },
          { name: 'a', image: 'i', volumeMounts: [{ name: 'nope', mountPath: '/x' }] },
        ],
      },
    },
    causes: [
      'metadata.name Invalid',
      'spec.containers[0].env[0].name Invalid',
      'spec.containers[0].ports[0].containerPort Invalid',
      'spec.containers[1].name Duplicate',
      'spec.containers[1].volumeMounts[0].name NotFound',
      'spec.restartPolicy NotSupported',
    ],
  },
  {
    name: 'probe without handler',
    url: `${CORE}/pods`,
    body: { metadata: { name: 'bad' }, spec: { containers: [{ ...container, readinessProbe: {} }] } },
    causes: ['spec.containers[0].readinessProbe Required'],
  },
  {
    name: 'selector that misses its template',
    url: `${APPS}/deployments`,
    body: { metadata: { name: 'bad' }, spec: { selector: { matchLabels: { app: 'b' } }, template } },
    causes: ['spec.template.metadata.labels Invalid'],
  },
  {
    name: 'deployment without selector',
    url: `${APPS}/deployments`,
    body: { metadata: { name: 'bad' }, spec: { template } },
    causes: ['spec.selector Required'],
  },
  {
    name: 'negative replicas',
    url: `${APPS}/statefulsets`,
    body: { metadata: { name: 'bad' }, spec: { replicas: -1, selector, template, serviceName: 's' } },
    causes: ['spec.replicas Invalid'],
  },
  {
    name: 'two unnamed ports',
    url: `${CORE}/services`,
    body: service({ ports: [{ port: 1 }, { port: 2 }] }),
    causes: ['spec.ports[0].name Required', 'spec.ports[1].name Required'],
  },
  {
    name: 'unknown type',
    url: `${CORE}/services`,
    body: service({ type: 'Cluster' }),
    causes: ['spec.type NotSupported'],
  },
  {
    name: 'address outside of the range',
    url: `${CORE}/services`,
    body: service({ clusterIP: '192.168.1.1' }),
    causes: ['spec.clusterIPs[0] Invalid'],
  },
  {
    name: 'address in use',
    url: `${CORE}/services`,
    body: service({ clusterIP: '10.96.0.1' }),
    causes: ['spec.clusterIPs[0] Invalid'],
  },
  {
    name: 'node port outside of the range',
    url: `${CORE}/services`,
    body: service({ type: 'NodePort', ports: [{ port: 1, nodePort: 80 }] }),
    causes: ['spec.ports[0].nodePort Invalid'],
  },
  {
    name: 'bad label',
    url: `${CORE}/configmaps`,
    body: { metadata: { name: 'bad', labels: { a: '-' } } },
    causes: ['metadata.labels Invalid'],
  },
  {
    name: 'bad key',
    url: `${CORE}/configmaps`,
    body: { metadata: { name: 'bad' }, data: { 'a/b': '' } },
    causes: ['data[a/b] Invalid'],
  },
  {
    name: 'empty peer',
    url: `${NETWORKING}/networkpolicies`,
    body: { metadata: { name: 'bad' }, spec: { podSelector: {}, ingress: [{ from: [{}] }] } },
    causes: ['spec.ingress[0].from[0] Required'],
  },
  {
    name: 'bad block',
    url: `${NETWORKING}/networkpolicies`,
    body: {
      metadata: { name: 'bad' },
      spec: {
        podSelector: {},
        egress: [{ to: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['11.0.0.0/16'] } }] }],
      },
    },
    causes: ['spec.egress[0].to[0].ipBlock.except[0] Invalid'],
  },
  {
    name: 'job that restarts always',
    url: '/apis/batch/v1/namespaces/default/jobs',
    body: { metadata: { name: 'bad' }, spec: { template: { spec: { containers: [container] } } } },
    causes: ['spec.template.spec.restartPolicy Invalid'],
  },
  {
    name: 'cron schedule',
    url: '/apis/batch/v1/namespaces/default/cronjobs',
    body: {
      metadata: { name: 'bad' },
      spec: {
        schedule: 'often',
        jobTemplate: { spec: { template: { spec: { restartPolicy: 'Never', containers: [container] } } } },
      },
    },
    causes: ['spec.schedule Invalid'],
  },
  {
    name: 'loopback endpoint',
    url: '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices',
    body: { metadata: { name: 'bad' }, addressType: 'IPv4', endpoints: [{ addresses: ['127.0.0.1'] }] },
    causes: ['endpoints[0].addresses[0] Invalid'],
  },
  {
    name: 'bad quantity',
    url: `${CORE}/pods`,
    body: {
      metadata: { name: 'bad' },
      spec: { containers: [{ ...container, resources: { limits: { cpu: 'many' } } }] },
    },
    causes: [
      'spec.containers[0].resources.limits.cpu Invalid',
      'spec.containers[0].resources.requests.cpu Invalid',
    ],
  },
];

for (const row of REFUSED) {
  test(`create refuses ${row.name}`, async () => {
    const answer = await client.post(row.url, row.body);
    assert.equal(answer.code, 422, answer.text);
    assert.deepEqual(causes(answer).sort(), row.causes);
  });
}

test('unknown fields: Strict refuses, Warn tells, Ignore is silent; they are never stored', async () => {
  const body = (name: string): object => ({
    metadata: { name },
    spec: { containers: [{ ...container, imag: 'x' }], foo: 1 },
  });
  const strict = await client.post(`${CORE}/pods?fieldValidation=Strict`, body('strict'));
  assert.equal(strict.code, 400);
  assert.match(strict.json.message, /unknown field "spec.containers\[0\].imag", unknown field "spec.foo"/);
  const warned = await client.post(`${CORE}/pods?fieldValidation=Warn`, body('warn'));
  assert.equal(warned.code, 201);
  assert.match(String(warned.headers['warning']), /299 - "unknown field \\"spec.foo\\""/);
  assert.equal(warned.json.spec.foo, undefined);
  assert.equal(
    (await client.post(`${CORE}/pods?fieldValidation=Ignore`, body('ignore'))).headers['warning'],
    undefined,
  );
});

test('wrong types are a bad request that names the field', async () => {
  const answer = await client.post(`${APPS}/deployments`, {
    metadata: { name: 'bad' },
    spec: { replicas: 'two', selector, template },
  });
  assert.equal(answer.code, 400);
  assert.match(answer.json.message, /field "spec.replicas": expected an integer, got "two"/);
});

test('pods get their defaults', async () => {
  const { json } = await client.post(`${CORE}/pods`, {
    metadata: { name: 'defaults' },
    spec: { containers: [{ ...container, ports: [{ containerPort: 80 }] }] },
  });
  assert.deepEqual(
    [
      json.spec.restartPolicy,
      json.spec.dnsPolicy,
      json.spec.terminationGracePeriodSeconds,
      json.spec.serviceAccountName,
    ],
    ['Always', 'ClusterFirst', 30, 'default'],
  );
  assert.equal(json.spec.containers[0].ports[0].protocol, 'TCP');
  assert.equal(json.spec.containers[0].imagePullPolicy, 'Always');
  assert.equal(json.status.qosClass, 'BestEffort');
});

test('a pod may change its image and nothing else of its specification', async () => {
  await client.post(`${CORE}/pods`, { metadata: { name: 'fixed' }, spec: { containers: [container] } });
  const strategic = 'application/strategic-merge-patch+json';
  assert.equal(
    (
      await client.patch(
        `${CORE}/pods/fixed`,
        { spec: { containers: [{ name: 'c', image: 'new' }] } },
        strategic,
      )
    ).code,
    200,
  );
  const refused = await client.patch(`${CORE}/pods/fixed`, { spec: { hostname: 'other' } });
  assert.deepEqual([refused.code, ...causes(refused)], [422, 'spec Forbidden']);
});

test('a deployment keeps its selector', async () => {
  await client.post(`${APPS}/deployments`, { metadata: { name: 'keep' }, spec: { selector, template } });
  const labels = { app: 'a', more: 'b' };
  const refused = await client.patch(`${APPS}/deployments/keep`, {
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels } } },
  });
  assert.deepEqual(causes(refused), ['spec.selector Invalid']);
});

test('Services get addresses of the families they ask for and give them back', async () => {
  const url = `${CORE}/services`;
  const make = async (name: string, spec: object): Promise<Answer> =>
    client.post(url, { metadata: { name }, spec: { ports: [{ port: 80 }], ...spec } });
  const single = (await make('single', {})).json.spec;
  assert.deepEqual(
    [single.ipFamilyPolicy, single.ipFamilies, single.clusterIPs],
    ['SingleStack', ['IPv4'], [single.clusterIP]],
  );
  assert.match(single.clusterIP, /^10\.96\./);
  const dual = (await make('dual', { ipFamilyPolicy: 'PreferDualStack' })).json.spec;
  assert.deepEqual(dual.ipFamilies, ['IPv4', 'IPv6']);
  assert.match(dual.clusterIPs[1], /^fd00:10:96::/);
  const six = (await make('six', { ipFamilies: ['IPv6'] })).json.spec;
  assert.deepEqual([six.ipFamilies, six.clusterIPs.length], [['IPv6'], 1]);
  const headless = (await make('headless', { clusterIP: 'None', selector: { a: 'b' } })).json.spec;
  assert.deepEqual([headless.clusterIPs, headless.ipFamilies], [['None'], ['IPv4']]);
  const external = (await make('external', { type: 'ExternalName', externalName: 'example.com', ports: [] }))
    .json.spec;
  assert.equal(external.clusterIP, undefined);
  const wanted = (await make('wanted', { clusterIP: '10.96.0.10' })).json.spec;
  assert.equal(wanted.clusterIP, '10.96.0.10');
  assert.equal((await make('again', { clusterIP: '10.96.0.10' })).code, 422);
  await client.delete(`${url}/wanted`);
  assert.equal((await make('again', { clusterIP: '10.96.0.10' })).code, 201);
});

test('a Service keeps its address and node ports over updates that do not name them', async () => {
  const url = `${CORE}/services`;
  const made = await client.post(url, {
    metadata: { name: 'kept' },
    spec: { type: 'NodePort', ports: [{ port: 80 }] },
  });
  const { clusterIP, ports } = made.json.spec;
  assert.ok(ports[0].nodePort >= 30000 && ports[0].nodePort <= 32767);
  const replaced = await client.put(`${url}/kept`, {
    metadata: { name: 'kept' },
    spec: { type: 'NodePort', ports: [{ port: 80 }] },
  });
  assert.deepEqual([replaced.json.spec.clusterIP, replaced.json.spec.ports], [clusterIP, ports]);
  const internal = await client.patch(`${url}/kept`, {
    spec: { type: 'ClusterIP', externalTrafficPolicy: null },
  });
  assert.equal(internal.code, 200, internal.text);
  assert.equal(internal.json.spec.ports[0].nodePort, undefined);
  const moved = await client.patch(`${url}/kept`, {
    spec: { clusterIP: '10.96.0.77', clusterIPs: ['10.96.0.77'] },
  });
  assert.deepEqual([moved.code, ...causes(moved)], [422, 'spec.clusterIPs[0] Invalid']);
});

test('a job selects its pods by its own uid', async () => {
  const spec = { template: { spec: { restartPolicy: 'Never', containers: [container] } } };
  const { json } = await client.post('/apis/batch/v1/namespaces/default/jobs', {
    metadata: { name: 'job' },
    spec,
  });
  const key = 'batch.kubernetes.io/controller-uid';
  assert.equal(json.spec.selector.matchLabels[key], json.metadata.uid);
  assert.equal(json.spec.template.metadata.labels['job-name'], 'job');
});

test('events are one set of objects in two groups', async () => {
  const involvedObject = { kind: 'Pod', namespace: 'default', name: 'p' };
  const event = {
    metadata: { name: 'e1' },
    involvedObject,
    reason: 'Started',
    message: 'it started',
    type: 'Normal',
    count: 2,
  };
  assert.equal((await client.post(`${CORE}/events`, event)).code, 201);
  const { json } = await client.get('/apis/events.k8s.io/v1/namespaces/default/events/e1');
  assert.deepEqual(
    [json.apiVersion, json.note, json.regarding.name, json.deprecatedCount],
    ['events.k8s.io/v1', 'it started', 'p', 2],
  );
  const found = await client.get(
    `${CORE}/events?fieldSelector=involvedObject.name%3Dp%2CinvolvedObject.kind%3DPod`,
  );
  assert.equal(found.json.items.length, 1);
});
