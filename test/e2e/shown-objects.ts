// One object or two of every kind that people look at, whole with their statuses, as a cluster's own processes would have made them: the same for
// each kubectl that shows them.

import assert from 'node:assert/strict';
import type { ApiClient } from '../support/api-server.ts';

const NAMESPACE = 'shown';
export const SHOWN_NAMESPACE = NAMESPACE;
const STARTED = '2026-01-02T03:04:05Z';

const CONTAINER = {
  name: 'server',
  image: 'nginx:1.25',
  args: ['-g', 'daemon off;'],
  ports: [{ containerPort: 8080, name: 'http' }],
  env: [
    { name: 'COLOR', value: 'blue' },
    { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'keys', key: 'password' } } },
    { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
  ],
  envFrom: [{ configMapRef: { name: 'settings' } }],
  resources: { limits: { cpu: '1', memory: '128Mi' }, requests: { cpu: '100m', memory: '64Mi' } },
  readinessProbe: { httpGet: { path: '/ready', port: 'http' }, periodSeconds: 5 },
  livenessProbe: { tcpSocket: { port: 8080 } },
  volumeMounts: [{ name: 'config', mountPath: '/etc/shop', readOnly: true }],
};
const POD_SPEC = {
  containers: [CONTAINER],
  volumes: [
    { name: 'config', configMap: { name: 'settings' } },
    { name: 'scratch', emptyDir: {} },
  ],
  nodeSelector: { disk: 'fast' },
};
const TEMPLATE = { metadata: { labels: { app: 'web' } }, spec: POD_SPEC };
const SELECTOR = { matchLabels: { app: 'web' } };

interface Shown {
  readonly url: string;
  readonly object: Readonly<Record<string, unknown>>;
  /** Written by itself, as whoever owns the status does. */
  readonly status?: object;
  /** Of a pod: the node that it is on. */
  readonly node?: string;
}

function namespaced(root: string, plural: string): string {
  return `${root}/namespaces/${NAMESPACE}/${plural}`;
}

function named(name: string, more: object = {}): object {
  return { name, ...more };
}

const POD_STATUS = {
  phase: 'Running',
  startTime: STARTED,
  hostIP: '10.89.0.10',
  podIP: '10.244.0.5',
  podIPs: [{ ip: '10.244.0.5' }, { ip: 'fd00::5' }],
  conditions: [
    { type: 'Initialized', status: 'True', lastTransitionTime: STARTED },
    { type: 'Ready', status: 'True', lastTransitionTime: STARTED },
    { type: 'PodScheduled', status: 'True', lastTransitionTime: STARTED },
  ],
  containerStatuses: [
    {
      name: 'server',
      image: 'nginx:1.25',
      imageID: 'fairlead/web',
      containerID: 'fairlead://1',
      ready: true,
      started: true,
      restartCount: 2,
      state: { running: { startedAt: STARTED } },
      lastState: {
        terminated: { exitCode: 1, reason: 'Error', startedAt: STARTED, finishedAt: STARTED },
      },
    },
  ],
};

const OWNER = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-1', uid: 'u', controller: true };

function event(name: string, type: string, reason: string): Shown {
  return {
    url: namespaced('/api/v1', 'events'),
    object: {
      metadata: named(name),
      type,
      reason,
      message: `${reason} of a pod`,
      involvedObject: { apiVersion: 'v1', kind: 'Pod', name: 'web-1-a', namespace: NAMESPACE },
      source: { component: 'kubelet', host: 'node-1' },
      firstTimestamp: STARTED,
      lastTimestamp: STARTED,
      count: 3,
    },
  };
}

function replicaSet(revision: number, image: string): Shown {
  const labels = { app: 'web', 'pod-template-hash': String(revision) };
  const containers = [{ ...CONTAINER, image }];
  return {
    url: namespaced('/apis/apps/v1', 'replicasets'),
    object: {
      metadata: named(`web-${revision}`, {
        labels,
        annotations: { 'deployment.kubernetes.io/revision': String(revision) },
        ownerReferences: [
          { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'DEPLOYMENT', controller: true },
        ],
      }),
      spec: {
        replicas: revision === 2 ? 2 : 0,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { ...POD_SPEC, containers } },
      },
    },
    status:
      revision === 2 ? { replicas: 2, readyReplicas: 2, availableReplicas: 2, observedGeneration: 1 } : {},
  };
}

const SHOWN: readonly Shown[] = [
  {
    url: '/api/v1/nodes',
    object: {
      metadata: named('node-1', { labels: { disk: 'fast', 'node-role.kubernetes.io/worker': '' } }),
      spec: { podCIDR: '10.244.0.0/24', taints: [{ key: 'a', value: 'b', effect: 'NoSchedule' }] },
      status: {
        addresses: [{ type: 'InternalIP', address: '10.89.0.10' }],
        capacity: { cpu: '4', memory: '8Gi', pods: '110' },
        allocatable: { cpu: '4', memory: '8Gi', pods: '110' },
        conditions: [
          {
            type: 'Ready',
            status: 'True',
            reason: 'KubeletReady',
            lastTransitionTime: STARTED,
            lastHeartbeatTime: STARTED,
          },
        ],
        nodeInfo: {
          kubeletVersion: 'v1.33.0',
          osImage: 'Linux',
          kernelVersion: '6.1',
          containerRuntimeVersion: 'fairlead://1',
          architecture: 'amd64',
          operatingSystem: 'linux',
          bootID: 'b',
          machineID: 'm',
          systemUUID: 's',
          kubeProxyVersion: '',
        },
      },
    },
  },
  {
    url: '/apis/scheduling.k8s.io/v1/priorityclasses',
    object: { metadata: named('high'), value: 1000, description: 'first' },
  },
  {
    url: '/apis/storage.k8s.io/v1/storageclasses',
    object: { metadata: named('fast'), provisioner: 'example.com/disk' },
  },
  {
    url: '/apis/networking.k8s.io/v1/ingressclasses',
    object: { metadata: named('outer'), spec: { controller: 'example.com/c' } },
  },
  {
    // One key alone: kubectl describes more of them in any order.
    url: namespaced('/api/v1', 'configmaps'),
    object: { metadata: named('settings'), data: { 'a.conf': 'x\ny\n' } },
  },
  {
    url: namespaced('/api/v1', 'secrets'),
    object: { metadata: named('keys'), type: 'Opaque', data: { password: 'c2VjcmV0' } },
  },
  { url: namespaced('/api/v1', 'serviceaccounts'), object: { metadata: named('bot') } },
  {
    url: namespaced('/api/v1', 'limitranges'),
    object: {
      metadata: named('limits'),
      spec: { limits: [{ type: 'Container', default: { cpu: '1' }, defaultRequest: { cpu: '100m' } }] },
    },
  },
  {
    url: namespaced('/api/v1', 'resourcequotas'),
    object: { metadata: named('quota'), spec: { hard: { pods: '10', cpu: '4' } } },
    status: { hard: { pods: '10', cpu: '4' }, used: { pods: '1', cpu: '100m' } },
  },
  {
    url: namespaced('/api/v1', 'persistentvolumeclaims'),
    object: {
      metadata: named('data'),
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    },
  },
  {
    url: namespaced('/api/v1', 'services'),
    object: {
      metadata: named('web', { labels: { app: 'web' } }),
      spec: {
        clusterIP: '10.96.0.77',
        selector: { app: 'web' },
        ports: [{ name: 'http', port: 80, targetPort: 'http' }],
      },
    },
  },
  {
    url: namespaced('/api/v1', 'services'),
    object: { metadata: named('outside'), spec: { type: 'ExternalName', externalName: 'example.com' } },
  },
  {
    url: namespaced('/api/v1', 'endpoints'),
    object: {
      metadata: named('web'),
      subsets: [{ addresses: [{ ip: '10.244.0.5' }], ports: [{ name: 'http', port: 8080 }] }],
    },
  },
  {
    url: namespaced('/apis/discovery.k8s.io/v1', 'endpointslices'),
    object: {
      metadata: named('web-1', { labels: { 'kubernetes.io/service-name': 'web' } }),
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.244.0.5'], conditions: { ready: true }, nodeName: 'node-1' }],
      ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    },
  },
  {
    url: namespaced('/apis/apps/v1', 'deployments'),
    object: {
      metadata: named('web', {
        labels: { app: 'web' },
        annotations: { 'deployment.kubernetes.io/revision': '2', note: 'this' },
      }),
      spec: { replicas: 2, selector: SELECTOR, template: TEMPLATE },
    },
    status: {
      replicas: 2,
      updatedReplicas: 2,
      readyReplicas: 2,
      availableReplicas: 2,
      observedGeneration: 1,
      conditions: [
        {
          type: 'Available',
          status: 'True',
          reason: 'MinimumReplicasAvailable',
          lastTransitionTime: STARTED,
          lastUpdateTime: STARTED,
        },
      ],
    },
  },
  replicaSet(1, 'nginx:1.20'),
  replicaSet(2, 'nginx:1.25'),
  {
    url: namespaced('/apis/apps/v1', 'daemonsets'),
    object: { metadata: named('agent'), spec: { selector: SELECTOR, template: TEMPLATE } },
    status: {
      desiredNumberScheduled: 1,
      currentNumberScheduled: 1,
      numberReady: 1,
      numberAvailable: 1,
      updatedNumberScheduled: 1,
      numberMisscheduled: 0,
      observedGeneration: 1,
    },
  },
  {
    url: namespaced('/apis/apps/v1', 'statefulsets'),
    object: {
      metadata: named('db'),
      spec: { serviceName: 'db', replicas: 1, selector: SELECTOR, template: TEMPLATE },
    },
    status: {
      replicas: 1,
      readyReplicas: 1,
      availableReplicas: 1,
      observedGeneration: 1,
      currentRevision: 'db-1',
      updateRevision: 'db-1',
      updatedReplicas: 1,
      currentReplicas: 1,
    },
  },
  {
    url: namespaced('/apis/batch/v1', 'jobs'),
    object: {
      metadata: named('once'),
      spec: { template: { spec: { ...POD_SPEC, restartPolicy: 'Never' } } },
    },
    status: { active: 1, startTime: STARTED, ready: 0 },
  },
  {
    url: namespaced('/apis/batch/v1', 'cronjobs'),
    object: {
      metadata: named('nightly'),
      spec: {
        schedule: '0 3 * * *',
        jobTemplate: { spec: { template: { spec: { ...POD_SPEC, restartPolicy: 'Never' } } } },
      },
    },
  },
  {
    url: namespaced('/api/v1', 'pods'),
    object: {
      metadata: named('web-1-a', { labels: { app: 'web' }, ownerReferences: [OWNER] }),
      spec: { ...POD_SPEC, serviceAccountName: 'bot', automountServiceAccountToken: false },
    },
    node: 'node-1',
    status: POD_STATUS,
  },
  {
    url: namespaced('/api/v1', 'pods'),
    object: {
      metadata: named('waits'),
      spec: { containers: [{ name: 'main', image: 'busybox' }], automountServiceAccountToken: false },
    },
  },
  {
    url: namespaced('/apis/networking.k8s.io/v1', 'ingresses'),
    object: {
      metadata: named('door'),
      spec: {
        ingressClassName: 'outer',
        tls: [{ hosts: ['a.example.com'], secretName: 'keys' }],
        rules: [
          {
            host: 'a.example.com',
            http: {
              paths: [
                {
                  path: '/',
                  pathType: 'Prefix',
                  backend: { service: { name: 'web', port: { name: 'http' } } },
                },
              ],
            },
          },
        ],
      },
    },
    status: { loadBalancer: { ingress: [{ ip: '10.90.0.1' }] } },
  },
  {
    url: namespaced('/apis/networking.k8s.io/v1', 'networkpolicies'),
    object: {
      metadata: named('only-web'),
      spec: {
        podSelector: SELECTOR,
        policyTypes: ['Ingress', 'Egress'],
        ingress: [
          {
            from: [{ podSelector: SELECTOR }, { ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }],
            ports: [{ port: 80, endPort: 90 }],
          },
        ],
      },
    },
  },
  {
    url: namespaced('/apis/policy/v1', 'poddisruptionbudgets'),
    object: { metadata: named('web'), spec: { minAvailable: 1, selector: SELECTOR } },
    status: {
      currentHealthy: 2,
      desiredHealthy: 1,
      disruptionsAllowed: 1,
      expectedPods: 2,
      observedGeneration: 1,
    },
  },
  {
    url: namespaced('/apis/rbac.authorization.k8s.io/v1', 'roles'),
    object: {
      metadata: named('reader'),
      rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] }],
    },
  },
  {
    url: namespaced('/apis/rbac.authorization.k8s.io/v1', 'rolebindings'),
    object: {
      metadata: named('reader'),
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' },
      subjects: [{ kind: 'ServiceAccount', name: 'bot', namespace: NAMESPACE }],
    },
  },
  {
    url: namespaced('/apis/coordination.k8s.io/v1', 'leases'),
    object: { metadata: named('leader'), spec: { holderIdentity: 'a', leaseDurationSeconds: 15 } },
  },
  {
    url: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
    object: {
      metadata: named('widgets.example.com'),
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { plural: 'widgets', kind: 'Widget', shortNames: ['wd'] },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            additionalPrinterColumns: [{ name: 'Size', type: 'integer', jsonPath: '.spec.size' }],
            schema: {
              openAPIV3Schema: {
                type: 'object',
                description: 'A thing.',
                properties: {
                  spec: {
                    type: 'object',
                    properties: { size: { type: 'integer', description: 'How large it is.' } },
                  },
                },
              },
            },
          },
        ],
      },
    },
  },
  {
    url: namespaced('/apis/example.com/v1', 'widgets'),
    object: { metadata: named('small'), spec: { size: 1 } },
  },
  {
    url: namespaced('/apis/gateway.networking.k8s.io/v1', 'gateways'),
    object: {
      metadata: named('gate'),
      spec: { gatewayClassName: 'fairlead', listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }] },
    },
  },
  {
    url: namespaced('/apis/gateway.networking.k8s.io/v1', 'httproutes'),
    object: {
      metadata: named('way'),
      spec: {
        parentRefs: [{ name: 'gate' }],
        hostnames: ['a.example.com'],
        rules: [{ backendRefs: [{ name: 'web', port: 80 }] }],
      },
    },
  },
  event('one', 'Normal', 'Started'),
  event('two', 'Warning', 'BackOff'),
];

/** Makes them all. */
export async function makeShownObjects(client: ApiClient): Promise<void> {
  assert.equal((await client.post('/api/v1/namespaces', { metadata: { name: NAMESPACE } })).code, 201);
  let deployment = '';
  for (const { url, object, status, node } of SHOWN) {
    const body = JSON.parse(JSON.stringify(object).replaceAll('DEPLOYMENT', deployment)) as object;
    const made = await client.post(url, body);
    assert.equal(made.code, 201, `${url}: ${made.text}`);
    if (made.json.kind === 'Deployment') deployment = made.json.metadata.uid;
    const own = `${url}/${made.json.metadata.name}`;
    if (node !== undefined)
      assert.equal((await client.post(`${own}/binding`, { target: { kind: 'Node', name: node } })).code, 201);
    if (status !== undefined) {
      const written = await client.patch(`${own}/status`, { status });
      assert.equal(written.code, 200, `${own}: ${written.text}`);
    }
  }
}
