// Domain names in policies in a whole cluster: on the other side is what is no pod and no node, the cluster's link of this machine, which a Service without a selector names.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterName, fairlead, kubectl } from '../support/cluster.ts';
import { clusterTraces } from '../support/cluster-traces.ts';
import { quietMs, scaledMs } from '../support/time-scale.ts';

const HOST = 'host.shop.svc.cluster.local';
const [SILENCE_S, PATIENCE_S] = [quietMs(1_000), scaledMs(10_000)].map((ms) => Math.ceil(ms / 1000));

/** The API server answers there, whatever is asked. */
function objects(ip: string): string {
  const kinds = [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'host', namespace: 'shop' },
      spec: { clusterIP: 'None', ports: [{ name: 'api', port: 443 }] },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'host', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'host' } },
      addressType: 'IPv4',
      ports: [{ name: 'api', port: 443, protocol: 'TCP' }],
      endpoints: [{ addresses: [ip], conditions: { ready: true } }],
    },
    {
      apiVersion: 'policy.networking.k8s.io/v1alpha2',
      kind: 'ClusterNetworkPolicy',
      metadata: { name: 'names' },
      spec: {
        tier: 'Admin',
        priority: 1,
        subject: { namespaces: { matchLabels: { 'kubernetes.io/metadata.name': 'shop' } } },
        egress: [
          { action: 'Accept', to: [{ domainNames: ['*.shop.svc.cluster.local'] }] },
          { action: 'Pass', to: [{ namespaces: {} }] },
          { action: 'Deny', to: [{ networks: ['0.0.0.0/0', '::/0'] }] },
        ],
      },
    },
  ];
  return kinds.map((it) => JSON.stringify(it)).join('\n---\n');
}

test('domain names in policies hold in a cluster', () => {
  const name = clusterName('nam');
  const raised = fairlead(['up', '--name', name, '-q', '-f', 'examples/shop', '--no-check']);
  try {
    assert.equal(raised.code, 0, raised.stdout + raised.stderr);
    const path = 'jsonpath={.endpoints[0].addresses[0]} {.ports[0].port}';
    const [server = '', port = ''] = kubectl(name, ['get', 'endpointslices', 'kubernetes', '-o', path]).split(
      ' ',
    );
    kubectl(name, ['apply', '-f', '-'], { input: objects(server) });
    assert.equal(fairlead(['status', '--name', name, '--wait']).code, 0);
    const connects = (to: string, timeoutS: number | undefined): boolean => {
      const wget = `wget -t 1 -T ${timeoutS} -O /dev/null http://${to}:${port}/ 2>&1`;
      const said = kubectl(name, ['-n', 'shop', 'exec', 'ds/toolbox', '--', 'sh', '-c', `${wget} || true`]);
      return said.includes('... connected.');
    };
    assert.equal(connects(server, SILENCE_S), false, 'by its address, before anybody has asked for its name');
    assert.equal(connects(HOST, PATIENCE_S), true, 'by its name');
    const names = fairlead(['policy', 'names', '--name', name]);
    assert.match(names.stdout, new RegExp(`\\*\\.shop\\.svc\\.cluster\\.local +${HOST} +${server}`));
    const top = fairlead(['dns', 'top', '--name', name]);
    const nowhere = fairlead(['dns', 'top', '--name', name, '-n', 'nowhere']);
    assert.match(nowhere.stderr, /Cannot ask node "nowhere": the nodes are node-1, node-2, node-3/);
    assert.match(top.stdout, /shop\/pod\/toolbox-\w+ /);
    const query = fairlead(['dns', 'query', HOST, '--name', name]);
    assert.match(
      query.stdout,
      new RegExp(`zone: ${HOST}: headless Service shop/host, one record\\nNOERROR\\n`),
    );
    assert.match(fairlead(['status', '--name', name, '-o', 'wide']).stdout, /NAMES LEARNED[^]*1 for 1/);
  } finally {
    assert.equal(fairlead(['down', '--name', name, '-q']).code, 0);
    assert.deepEqual(clusterTraces(name), []);
  }
});
