// Black box: node ports, load balancers and external addresses of Services: what is refused and in which words, what is handed out,
// what a change of the type keeps and gives back.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestServer, type Answer, type ApiClient } from '../../../test/support/api-server.ts';

let client: ApiClient;
let stop: () => Promise<void>;

before(async () => {
  ({ client, stop } = await startTestServer());
});
after(() => stop());

const URL = '/api/v1/namespaces/default/services';

function service(name: string, spec: object, annotations: object = {}): object {
  return { metadata: { name, annotations }, spec: { ports: [{ port: 80 }], ...spec } };
}

/** "field: message" of every cause. */
function causes({ json }: Answer): string[] {
  return (json.details?.causes ?? []).map(
    (it: { field: string; message: string }) => `${it.field}: ${it.message}`,
  );
}

const BALANCER_ONLY = "Forbidden: may only be used when `type` is 'LoadBalancer'";

const REFUSED: readonly { name: string; spec: object; annotations?: object; causes: readonly string[] }[] = [
  {
    name: 'a node port of a ClusterIP Service',
    spec: { ports: [{ port: 80, nodePort: 30080 }] },
    causes: ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
  },
  {
    name: 'one node port for two ports of a protocol',
    spec: {
      type: 'NodePort',
      ports: [
        { name: 'a', port: 80, nodePort: 30090 },
        { name: 'b', port: 81, nodePort: 30090 },
      ],
    },
    causes: ['spec.ports[1].nodePort: Duplicate value: 30090'],
  },
  {
    name: 'a health check where nobody asks for it',
    spec: { type: 'LoadBalancer', healthCheckNodePort: 30070 },
    causes: [
      "spec.healthCheckNodePort: Invalid value: 30070: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
    ],
  },
  {
    name: 'a health check outside of the range',
    spec: { type: 'LoadBalancer', externalTrafficPolicy: 'Local', healthCheckNodePort: 80 },
    causes: [
      'spec.healthCheckNodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767',
    ],
  },
  {
    name: "a load balancer's fields without one",
    spec: {
      loadBalancerClass: 'a/b',
      allocateLoadBalancerNodePorts: false,
      loadBalancerSourceRanges: ['10.0.0.0/8'],
    },
    causes: [
      `spec.loadBalancerClass: ${BALANCER_ONLY}`,
      `spec.allocateLoadBalancerNodePorts: ${BALANCER_ONLY}`,
      `spec.LoadBalancerSourceRanges: ${BALANCER_ONLY}`,
    ],
  },
  {
    name: 'source ranges that are none',
    spec: { type: 'LoadBalancer', loadBalancerSourceRanges: ['10.0.0.0/8', 'nonsense'] },
    causes: [
      'spec.LoadBalancerSourceRanges: Invalid value: "10.0.0.0/8 nonsense": must be a list of IP ranges. For example, 10.240.0.0/24,10.250.0.0/24',
    ],
  },
  {
    name: 'source ranges of the annotation that are none',
    spec: { type: 'LoadBalancer' },
    annotations: { 'service.beta.kubernetes.io/load-balancer-source-ranges': '10.0.0.0/33' },
    causes: [
      'metadata.annotations[service.beta.kubernetes.io/load-balancer-source-ranges]: Invalid value: "10.0.0.0/33": must be a list of IP ranges. For example, 10.240.0.0/24,10.250.0.0/24',
    ],
  },
  {
    name: 'external addresses that are the node itself',
    spec: { externalIPs: ['127.0.0.1'] },
    causes: [
      'spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
    ],
  },
  {
    name: 'a traffic policy for nobody outside',
    spec: { externalTrafficPolicy: 'Local' },
    causes: [
      'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services',
    ],
  },
  {
    name: 'an unknown traffic distribution',
    spec: { trafficDistribution: 'PreferFar' },
    causes: [
      'spec.trafficDistribution: Unsupported value: "PreferFar": supported values: "PreferClose", "PreferSameNode", "PreferSameZone"',
    ],
  },
];

for (const { name, spec, annotations, causes: expected } of REFUSED) {
  test(`Services refuse ${name}`, async () => {
    const answer = await client.post(URL, service('bad', spec, annotations));
    assert.equal(answer.code, 422, answer.text);
    assert.deepEqual(causes(answer), expected);
  });
}

test('a Service of type LoadBalancer gets node ports, and a port for health checks with the policy Local', async () => {
  const made = await client.post(
    URL,
    service('balanced', { type: 'LoadBalancer', externalTrafficPolicy: 'Local' }),
  );
  const { ports, healthCheckNodePort, internalTrafficPolicy, sessionAffinity } = made.json.spec;
  assert.ok(ports[0].nodePort >= 30000 && ports[0].nodePort <= 32767);
  assert.ok(healthCheckNodePort >= 30000 && healthCheckNodePort !== ports[0].nodePort);
  assert.deepEqual([internalTrafficPolicy, sessionAffinity], ['Cluster', 'None']);
  const again = await client.put(
    `${URL}/balanced`,
    service('balanced', { type: 'LoadBalancer', externalTrafficPolicy: 'Local' }),
  );
  assert.equal(again.json.spec.healthCheckNodePort, healthCheckNodePort);
  const rival = await client.post(
    URL,
    service('rival', { type: 'LoadBalancer', externalTrafficPolicy: 'Local', healthCheckNodePort }),
  );
  assert.deepEqual(causes(rival), [
    `spec.healthCheckNodePort: Invalid value: ${healthCheckNodePort}: provided port is already allocated`,
  ]);
  const open = await client.patch(`${URL}/balanced`, { spec: { externalTrafficPolicy: 'Cluster' } });
  assert.deepEqual([open.code, open.json.spec.healthCheckNodePort], [200, undefined], open.text);
});

test('a Service of type LoadBalancer does without node ports where it says so', async () => {
  const spec = { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false };
  const made = await client.post(URL, service('portless', spec));
  assert.equal(made.json.spec.ports[0].nodePort, undefined);
  const given = await client.patch(`${URL}/portless`, { spec: { allocateLoadBalancerNodePorts: true } });
  const { nodePort } = given.json.spec.ports[0];
  assert.ok(nodePort >= 30000, given.text);
  const kept = await client.patch(`${URL}/portless`, { spec: { allocateLoadBalancerNodePorts: false } });
  assert.equal(kept.json.spec.ports[0].nodePort, nodePort, 'what is allocated stays, as upstream');
});

test('a Service that is no load balancer any more loses what only that has, its addresses too', async () => {
  const url = `${URL}/leaving`;
  const made = await client.post(
    URL,
    service('leaving', { type: 'LoadBalancer', loadBalancerClass: 'a/b', externalTrafficPolicy: 'Local' }),
  );
  assert.equal(made.code, 201, made.text);
  const status = { loadBalancer: { ingress: [{ ip: '192.0.2.1', ipMode: 'VIP' }] } };
  assert.equal((await client.patch(`${url}/status`, { status })).code, 200);
  const other = await client.patch(url, { spec: { loadBalancerClass: 'a/c' } });
  assert.deepEqual(causes(other), ['spec.loadBalancerClass: Invalid value: "a/c": may not change once set']);
  const left = await client.patch(url, { spec: { type: 'ClusterIP' } });
  assert.equal(left.code, 200, left.text);
  const { loadBalancerClass, allocateLoadBalancerNodePorts, healthCheckNodePort } = left.json.spec;
  assert.deepEqual(
    [loadBalancerClass, allocateLoadBalancerNodePorts, healthCheckNodePort],
    [undefined, undefined, undefined],
  );
  assert.deepEqual(
    [left.json.spec.externalTrafficPolicy, left.json.status],
    [undefined, { loadBalancer: {} }],
  );
  const { nodePort } = made.json.spec.ports[0];
  const heir = await client.post(URL, service('heir', { type: 'NodePort', ports: [{ port: 1, nodePort }] }));
  assert.equal(heir.code, 201, 'its node port is free');
});

test('a port keeps its node port under its name, whatever becomes of its number', async () => {
  const port = { name: 'http', port: 80 };
  const made = await client.post(URL, service('renumbered', { type: 'NodePort', ports: [port] }));
  const { nodePort } = made.json.spec.ports[0];
  const moved = await client.put(
    `${URL}/renumbered`,
    service('renumbered', { type: 'NodePort', ports: [{ name: 'http', port: 8080 }] }),
  );
  assert.equal(moved.json.spec.ports[0].nodePort, nodePort);
});

test('external addresses are taken with the traffic policy of their own', async () => {
  const made = await client.post(URL, service('external', { externalIPs: ['192.0.2.9'] }));
  assert.equal(made.json.spec.externalTrafficPolicy, 'Cluster');
  const bare = await client.patch(`${URL}/external`, { spec: { externalIPs: null } });
  assert.deepEqual([bare.code, bare.json.spec.externalTrafficPolicy], [200, undefined], bare.text);
});

test('session affinity gets its time-out and loses it', async () => {
  const made = await client.post(URL, service('sticky', { sessionAffinity: 'ClientIP' }));
  assert.deepEqual(made.json.spec.sessionAffinityConfig, { clientIP: { timeoutSeconds: 10_800 } });
  const loose = await client.patch(`${URL}/sticky`, { spec: { sessionAffinity: 'None' } });
  assert.equal(loose.json.spec.sessionAffinityConfig, undefined);
});
