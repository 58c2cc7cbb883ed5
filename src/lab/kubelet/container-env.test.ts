import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container, Pod, Service } from '../../objects/api-types.ts';
import { containerEnv, type EnvInput } from './container-env.ts';
import { expandVariables } from './expand-variables.ts';

const META = { uid: 'u', resourceVersion: '1', creationTimestamp: '' };

function input(container: Partial<Container>, more: Partial<EnvInput> = {}): EnvInput {
  const whole = { name: 'main', ...container };
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...META, name: 'p', namespace: 'shop', labels: { app: 'x' }, annotations: { 'a/b': 'c' } },
    spec: { nodeName: 'n1', serviceAccountName: 'sa', containers: [whole] },
  };
  return {
    pod,
    container: whole,
    api: { configMap: () => undefined, secret: () => undefined, services: () => [] },
    hostname: 'p',
    podIps: ['10.1.1.1', 'fd00::1'],
    hostIps: ['192.0.2.1'],
    capacity: { cpu: '2', memory: '4Gi' },
    ...more,
  };
}

test('expandVariables() replaces known names once, keeps unknown ones, and reads $$ as a dollar sign', () => {
  const values = new Map([
    ['A', '$(B)'],
    ['B', 'b'],
  ]);
  assert.equal(expandVariables('$(A)-$(B)-$(C)-$$(B)-$B-$', values), '$(B)-b-$(C)-$(B)-$B-$');
});

test('containerEnv() reads fields of the pod and of the resources', () => {
  const field = (fieldPath: string) => ({ name: 'X', valueFrom: { fieldRef: { fieldPath } } });
  const rows: readonly (readonly [string, string])[] = [
    ['metadata.name', 'p'],
    ['metadata.uid', 'u'],
    ["metadata.labels['app']", 'x'],
    ["metadata.annotations['a/b']", 'c'],
    ["metadata.labels['none']", ''],
    ['spec.nodeName', 'n1'],
    ['spec.serviceAccountName', 'sa'],
    ['status.podIPs', '10.1.1.1,fd00::1'],
    ['status.hostIP', '192.0.2.1'],
  ];
  for (const [path, value] of rows)
    assert.equal(containerEnv(input({ env: [field(path)] }))['X'], value, path);
  assert.throws(() => containerEnv(input({ env: [field('spec.secret')] })), /the downward API has none such/);
  const resource = (name: string, divisor?: string) =>
    containerEnv(
      input({
        resources: { requests: { cpu: '250m' }, limits: { memory: '64Mi' } },
        env: [
          {
            name: 'X',
            valueFrom: { resourceFieldRef: { resource: name, ...(divisor !== undefined && { divisor }) } },
          },
        ],
      }),
    )['X'];
  assert.deepEqual(
    [
      resource('requests.cpu'),
      resource('requests.cpu', '1m'),
      resource('limits.memory', '1Mi'),
      resource('limits.cpu'),
    ],
    ['1', '250', '64', '2'],
  );
});

test('containerEnv() names what is missing, and passes over what is optional', () => {
  const from = (optional: boolean) => ({
    name: 'X',
    valueFrom: { configMapKeyRef: { name: 'c', key: 'k', optional } },
  });
  assert.throws(() => containerEnv(input({ env: [from(false)] })), /configmap "c" not found/);
  assert.equal('X' in containerEnv(input({ env: [from(true)] })), false);
  const configMap = () => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { ...META, name: 'c' },
    data: { other: '1' },
  });
  const api = { configMap, secret: () => undefined, services: () => [] };
  assert.throws(
    () => containerEnv(input({ env: [from(false)] }, { api })),
    /couldn't find key k in configmap "c"/,
  );
});

test("containerEnv() derives variables from the Services of the namespace and from the API server's", () => {
  const service = (namespace: string, name: string, clusterIP: string, ports: object[]): Service =>
    ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { ...META, namespace, name },
      spec: { clusterIP, ports },
    }) as Service;
  const services = () => [
    service('default', 'kubernetes', '10.96.0.1', [{ name: 'https', port: 443 }]),
    service('shop', 'my-db', '10.96.0.2', [{ port: 53, protocol: 'UDP' }]),
    service('shop', 'headless', 'None', [{ port: 1 }]),
    service('other', 'else', '10.96.0.3', [{ port: 1 }]),
  ];
  const api = { configMap: () => undefined, secret: () => undefined, services };
  const names = (env: Readonly<Record<string, string>>) =>
    Object.entries(env)
      .filter(([name]) => /_PORT|_SERVICE/.test(name))
      .map((it) => it.join('='));
  assert.deepEqual(names(containerEnv(input({}, { api }))), [
    'KUBERNETES_SERVICE_HOST=10.96.0.1',
    'KUBERNETES_SERVICE_PORT=443',
    'KUBERNETES_SERVICE_PORT_HTTPS=443',
    'KUBERNETES_PORT=tcp://10.96.0.1:443',
    'KUBERNETES_PORT_443_TCP=tcp://10.96.0.1:443',
    'KUBERNETES_PORT_443_TCP_PROTO=tcp',
    'KUBERNETES_PORT_443_TCP_PORT=443',
    'KUBERNETES_PORT_443_TCP_ADDR=10.96.0.1',
    'MY_DB_SERVICE_HOST=10.96.0.2',
    'MY_DB_SERVICE_PORT=53',
    'MY_DB_PORT=udp://10.96.0.2:53',
    'MY_DB_PORT_53_UDP=udp://10.96.0.2:53',
    'MY_DB_PORT_53_UDP_PROTO=udp',
    'MY_DB_PORT_53_UDP_PORT=53',
    'MY_DB_PORT_53_UDP_ADDR=10.96.0.2',
  ]);
  const plain = input({}, { api });
  const without = { ...plain, pod: { ...plain.pod, spec: { containers: [], enableServiceLinks: false } } };
  assert.equal(
    names(containerEnv(without)).some((it) => it.startsWith('MY_DB')),
    false,
  );
});
