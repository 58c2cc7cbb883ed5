// A cluster whose processes hold no more than they need: nothing that they ask is refused, and what is none of theirs is.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { clusterName, fairlead, kubectl, run, type CommandResult } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';

const NAME = clusterName('ac');
const STATE = `/var/lib/fairlead/${NAME}`;
const AUDIT_LOG = `${STATE}/log/audit.log`;

/** Whoever acts for the cluster in it. */
const OWN = /^fairlead:|^system:serviceaccount:/;

interface AuditEvent {
  readonly verb: string;
  readonly user: { readonly username?: string };
  readonly impersonatedUser?: object;
  readonly objectRef?: { readonly resource: string; readonly namespace?: string };
  readonly responseStatus: { readonly code: number; readonly message?: string };
}

function auditEvents(): readonly AuditEvent[] {
  const lines = readFileSync(AUDIT_LOG, 'utf8').split('\n');
  // The last line may be on its way.
  return lines.slice(0, -1).map((line) => JSON.parse(line) as AuditEvent);
}

/** What the cluster's own processes were refused. */
function refusedOwn(): readonly string[] {
  return (
    auditEvents()
      .filter(
        ({ user, responseStatus }) =>
          [401, 403].includes(responseStatus.code) && OWN.test(user.username ?? ''),
      )
      // Nothing is made in a namespace that is being deleted: that is no question of rights.
      .filter(
        ({ responseStatus }) => !(responseStatus.message ?? '').includes('because it is being terminated'),
      )
      .map(({ user, responseStatus }) => `${user.username}: ${responseStatus.message}`)
  );
}

/** kubectl with the credentials of a process. */
function asProcess(who: string, args: readonly string[]): CommandResult {
  return run('kubectl', args, {
    env: { KUBECONFIG: `${STATE}/pki/${who}.kubeconfig`, HOME: '/nonexistent' },
  });
}

const INGRESS = `
apiVersion: v1
kind: Namespace
metadata: {name: jobs}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec:
  ingressClassName: fairlead
  defaultBackend: {service: {name: web, port: {number: 80}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: once, namespace: jobs}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: busybox, command: ['true']}]
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: often, namespace: jobs}
spec:
  schedule: '* * * * *'
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers: [{name: main, image: busybox, command: ['true']}]
`;

suite('access on a cluster', () => {
  before(() => {
    const manifests = ['-f', 'examples/shop', '-f', 'examples/gateway'];
    const result = fairlead(['up', '--name', NAME, '--nodes', '2', '--no-check', '-q', ...manifests]);
    assert.equal(result.code, 0, result.stderr);
  });
  after(() => {
    assert.equal(fairlead(['down', '--name', NAME, '-q']).code, 0);
  });

  test('the processes of a cluster are refused nothing that they ask, whatever people do', async () => {
    const bindings = (): string => kubectl(NAME, ['get', 'clusterrolebindings', '-o', 'name']);
    assert.match(bindings(), /fairlead:proxy:shop:public-fairlead/);
    kubectl(NAME, ['apply', '-f', '-'], { input: INGRESS });
    kubectl(NAME, ['-n', 'shop', 'rollout', 'restart', 'deployment/web']);
    kubectl(NAME, ['-n', 'shop', 'scale', 'deployment/api', '--replicas=3']);
    kubectl(NAME, ['-n', 'jobs', 'wait', '--for=condition=complete', 'job/once', '--timeout=60s']);
    kubectl(NAME, ['-n', 'shop', 'rollout', 'status', 'deployment/web', '--timeout=60s']);
    const address = 'jsonpath={.status.loadBalancer.ingress[0].ip}';
    await eventually(
      () => kubectl(NAME, ['-n', 'shop', 'get', 'ingress', 'web', '-o', address]) !== '',
      30_000,
    );
    assert.match(bindings(), /fairlead:proxy:kube-system:fairlead-ingress/);
    kubectl(NAME, ['-n', 'shop', 'delete', 'gateway/public', 'ingress/web']);
    kubectl(NAME, ['delete', 'namespace', 'jobs', '--timeout=60s']);
    await eventually(() => !bindings().includes('fairlead:proxy:'), 30_000);
    kubectl(NAME, ['-n', 'shop', 'exec', 'deployment/web', '-c', 'nginx', '--', 'true']);

    // Events are written behind the requests; this was the last one.
    const isExec = ({ verb, responseStatus }: AuditEvent): boolean =>
      verb === 'get' && responseStatus.code === 101;
    await eventually(() => auditEvents().some(isExec));
    const writers = new Set(
      auditEvents().flatMap(({ user, responseStatus }) => (responseStatus.code < 300 ? [user.username] : [])),
    );
    for (const user of [
      'fairlead:controller',
      'fairlead:kubelet',
      'system:serviceaccount:shop:public-fairlead',
    ])
      assert.ok(writers.has(user), `no write of ${user}`);
    assert.deepEqual(refusedOwn(), []);
  });

  test('an agent reads, and neither deletes pods nor reads secrets', async () => {
    const agent = (args: string): CommandResult => asProcess('node-node-1', args.split(' '));
    assert.equal(agent('get pods -A').code, 0);
    for (const args of [
      'delete pod -n shop-data database-0',
      'get secrets -A',
      'get configmaps -A',
      'label node node-1 a=b',
    ]) {
      const { code, stderr } = agent(args);
      assert.equal(code, 1, args);
      assert.match(stderr, /is forbidden: User "fairlead:agent:node-1" cannot /, args);
    }
    await eventually(() =>
      refusedOwn().some((it) => it.includes('"fairlead:agent:node-1" cannot list resource "secrets"')),
    );
  });

  test('neither the kubelet part nor the controllers give themselves more', () => {
    for (const who of ['kubelet', 'controller', 'node-node-1']) {
      const args = ['create', 'clusterrolebinding', 'up', '--clusterrole=cluster-admin', '--user=me'];
      const { code, stderr } = asProcess(who, args);
      assert.equal(code, 1, who);
      assert.match(stderr, /forbidden/, who);
    }
    assert.match(asProcess('kubelet', ['get', 'clusterroles']).stderr, /forbidden/);
  });
});
