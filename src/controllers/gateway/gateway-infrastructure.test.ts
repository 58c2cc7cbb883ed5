import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterOf } from '../../../test/support/cluster-of.ts';
import {
  CLUSTER_ROLE_BINDINGS,
  DEPLOYMENTS,
  GATEWAY_CLASSES,
  GATEWAYS,
  LISTENER_SETS,
  SERVICE_ACCOUNTS,
  SERVICES,
  type Draft,
} from '../../kube/resource.ts';
import { GATEWAY_CONTROLLER } from '../../objects/gateway-api/common.ts';
import { parseGateway } from '../../objects/gateway-api/gateway.ts';
import type { PodSpec } from '../../objects/api-types.ts';
import type { KubeObject } from '../../objects/meta.ts';
import type { Action } from '../action.ts';
import { reconcileGatewayClass } from './gateway-classes.ts';
import { reconcileGateway } from './gateway-infrastructure.ts';
import { serviceOfGateway, workloadOfGateway } from './gateway-pods.ts';

const SETTINGS = { image: 'fairlead', annotations: {}, hostFolder: undefined };
const CLASS = { metadata: { name: 'fairlead' }, spec: { controllerName: GATEWAY_CONTROLLER } };

function aGateway(spec: object = {}): Draft & { readonly metadata: { readonly uid: string } } {
  const listeners = [
    { name: 'http', port: 80, protocol: 'HTTP' },
    { name: 'dns', port: 53, protocol: 'UDP' },
  ];
  return {
    metadata: { namespace: 'shop', name: 'public', uid: 'u1' },
    spec: { gatewayClassName: 'fairlead', listeners, ...spec },
  };
}

interface World {
  readonly gateway?: Draft;
  readonly classes?: readonly Draft[];
  readonly sets?: readonly Draft[];
  readonly made?: readonly Action[];
}

function reconcile({
  gateway = aGateway(),
  classes = [CLASS],
  sets = [],
  made = [],
}: World): readonly Action[] {
  const madeOf = (kind: string): readonly Draft[] =>
    made.flatMap((it) => (it.kind === 'create' && it.resource.kind === kind ? [it.object] : []));
  const cluster = clusterOf(
    [GATEWAYS, [gateway]],
    [GATEWAY_CLASSES, classes],
    [LISTENER_SETS, sets],
    [DEPLOYMENTS, madeOf('Deployment')],
    [SERVICES, madeOf('Service')],
    [SERVICE_ACCOUNTS, madeOf('ServiceAccount')],
    [CLUSTER_ROLE_BINDINGS, madeOf('ClusterRoleBinding')],
  );
  return reconcileGateway('shop/public', SETTINGS, { cluster });
}

function portsOf(actions: readonly Action[]): unknown {
  const service = actions.find((it) => it.kind === 'create' && it.resource.kind === 'Service');
  const { ports } = (service?.kind === 'create' ? service.object['spec'] : {}) as {
    readonly ports: readonly { readonly port: number; readonly protocol: string }[];
  };
  return ports.map(({ port, protocol }) => `${port}/${protocol}`);
}

test('a Gateway of ours gets a Deployment, a Service with its ports and a service account, once', () => {
  const made = reconcile({});
  assert.deepEqual(
    made.map((it) => (it.kind === 'create' ? it.resource.kind : it.kind)),
    ['ServiceAccount', 'ClusterRoleBinding', 'Deployment', 'Service'],
  );
  assert.deepEqual(portsOf(made), ['53/UDP', '80/TCP']);
  assert.deepEqual(reconcile({ made }), []);
});

test('a Gateway of somebody else gets nothing, nor does one that is on its way out', () => {
  const foreign = { metadata: { name: 'fairlead' }, spec: { controllerName: 'example.com/other' } };
  assert.deepEqual(reconcile({ classes: [foreign] }), []);
  assert.deepEqual(reconcile({ classes: [] }), []);
  const gateway = aGateway();
  const metadata = { ...gateway.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' };
  assert.deepEqual(reconcile({ gateway: { ...gateway, metadata } }), []);
});

test('a change of the Gateway changes what was made of it, and nothing else', () => {
  const made = reconcile({});
  const listeners = [
    { name: 'http', port: 8080, protocol: 'HTTP' },
    { name: 'dns', port: 53, protocol: 'UDP' },
  ];
  const gateway = aGateway({ listeners });
  const changes = reconcile({ made, gateway });
  assert.deepEqual(
    changes.map((it) => (it.kind === 'patch' ? it.resource.kind : it.kind)),
    ['Service'],
  );
});

test('a pod may change its own network where there is a UDP listener, and nowhere else', () => {
  const rightsOf = (protocol: string): unknown => {
    const gateway = aGateway({ listeners: [{ name: 'one', port: 53, protocol }] });
    const [pod] = reconcile({ gateway }).flatMap((it) => {
      if (it.kind !== 'create' || it.resource.kind !== 'Deployment') return [];
      return [(it.object['spec'] as { readonly template: { readonly spec: PodSpec } }).template.spec];
    });
    assert.ok(pod);
    const { containers, securityContext } = pod;
    return [securityContext, containers.map((it) => it.securityContext)];
  };
  const sysctls = ['net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding'].map((name) => ({
    name,
    value: '1',
  }));
  assert.deepEqual(rightsOf('UDP'), [{ sysctls }, [{ capabilities: { add: ['NET_ADMIN'] } }]]);
  assert.deepEqual(rightsOf('TCP'), [undefined, [undefined]]);
});

test('what somebody else has under the name is left alone, and said', () => {
  const made = reconcile({}).map((it) =>
    it.kind === 'create' && it.resource.kind === 'Service'
      ? { ...it, object: { ...it.object, metadata: { ...it.object.metadata, ownerReferences: [] } } }
      : it,
  );
  const [warning, ...others] = reconcile({ made });
  assert.deepEqual(others, []);
  assert.match(
    warning?.kind === 'event' ? warning.event.message : '',
    /Service shop\/public-fairlead exists/,
  );
});

test('ports of ListenerSets are the Service’s too', () => {
  const set = {
    metadata: { namespace: 'team', name: 'own' },
    spec: {
      parentRef: { name: 'public', namespace: 'shop' },
      listeners: [{ name: 'more', port: 8443, protocol: 'TLS', tls: { mode: 'Passthrough' } }],
    },
  };
  assert.deepEqual(portsOf(reconcile({ sets: [set] })), ['53/UDP', '80/TCP', '8443/TCP']);
});

test('names stay within what a Service may have, and apart', () => {
  const long = 'a'.repeat(62);
  const [one, two] = [`${long}b`, `${long}c`].map((name) => {
    const { metadata, ...rest } = aGateway();
    return workloadOfGateway(parseGateway({ ...rest, metadata: { ...metadata, name } })).name;
  });
  assert.ok(one !== undefined && two !== undefined && one.length <= 63 && one !== two);
});

test('addresses that a Gateway asks for by number, its labels and annotations are its Service’s', () => {
  const gateway = aGateway({
    addresses: [{ type: 'IPAddress', value: '10.90.0.7' }],
    infrastructure: { labels: { team: 'web' }, annotations: { 'example.com/a': 'b' } },
  });
  const { metadata } = serviceOfGateway(parseGateway(gateway), [{ port: 80, protocol: 'TCP' }]);
  assert.equal(metadata.annotations['fairlead.dev/load-balancer-ips'], '10.90.0.7');
  assert.equal(metadata.annotations['example.com/a'], 'b');
  assert.equal((metadata as { labels?: Record<string, string> }).labels?.['team'], 'web');
});

test('a class of ours is accepted once, one with parameters is not', () => {
  const reconcileClass = (object: Draft): readonly Action[] =>
    reconcileGatewayClass('fairlead', { cluster: clusterOf([GATEWAY_CLASSES, [object]]), nowMs: 0 });
  const statusOf = (actions: readonly Action[]): Readonly<Record<string, unknown>> => {
    const [action] = actions;
    return action?.kind === 'patch' ? (action.patch['status'] as Readonly<Record<string, unknown>>) : {};
  };
  const status = statusOf(reconcileClass(CLASS));
  assert.equal((status['conditions'] as KubeObject[])[0]?.['status'], 'True');
  assert.deepEqual(reconcileClass({ ...CLASS, status }), []);
  const spec = { ...CLASS.spec, parametersRef: { group: '', kind: 'ConfigMap', name: 'x' } };
  assert.equal(
    (statusOf(reconcileClass({ ...CLASS, spec }))['conditions'] as KubeObject[])[0]?.['status'],
    'False',
  );
  assert.deepEqual(reconcileClass({ ...CLASS, spec: { controllerName: 'example.com/other' } }), []);
});

test('what a Gateway asks for no more is taken from what it has', () => {
  const asking = aGateway({
    addresses: [{ value: '10.90.0.7' }],
    infrastructure: { labels: { team: 'web' }, annotations: { 'example.com/a': 'b' } },
  });
  const [deployment, service] = reconcile({ made: reconcile({ gateway: asking }) }).flatMap((it) =>
    it.kind === 'patch' && it.resource !== SERVICE_ACCOUNTS ? [it.patch] : [],
  );
  const metadata = { labels: { team: null }, annotations: { 'example.com/a': null } };
  assert.partialDeepStrictEqual(service, { metadata });
  assert.partialDeepStrictEqual(service, {
    metadata: { annotations: { 'fairlead.dev/load-balancer-ips': null } },
  });
  assert.partialDeepStrictEqual(deployment, { metadata, spec: { template: { metadata } } });
});
