// Sets of manifests by every kubectl of this machine: kustomize as it is built in, and the plain manifests of a chart.

import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { findKubectls, type Kubectl } from '../support/kubectl.ts';
import { startTestServer, type ApiServerFiles } from '../support/api-server.ts';
import { KubectlSession, OWN_WORDS } from './kubectl-session.ts';
import { CHART, CHART_DEFINITIONS, CHART_UNSERVED, writeKustomization } from './manifest-sets.ts';

/** Versions at the same time: some of each one's time is waiting. */
const SIDE_BY_SIDE = 4;

let files: ApiServerFiles;
let kubeconfig: string;
let stop: () => Promise<void>;
const kubectls = findKubectls();
const sessions = new Map<number, KubectlSession>();

before(async () => {
  let port: number;
  ({
    files,
    stop,
    client: { port },
  } = await startTestServer());
  kubeconfig = files.kubeconfig(port);
});
after(() => stop());

test('this machine has a kubectl', () => assert.ok(kubectls.length > 0));

describe('each version', { concurrency: SIDE_BY_SIDE }, () => {
  for (const kubectl of kubectls)
    describe(`kubectl 1.${kubectl.minor}`, { concurrency: 1 }, () => commands(kubectl));
});

// One after the other: the old ones fail where a group of somebody else goes while they look.
test('what is not served is not listed', async () => {
  for (const session of sessions.values()) {
    const listed = await session.ok('api-resources -o name', /priorityclasses/);
    assert.doesNotMatch(listed, /horizontalpodautoscalers|webhookconfigurations/);
  }
});

test('all versions see the same', () => {
  const newest = [...sessions.values()].reduce((a, b) => (a.minor > b.minor ? a : b));
  for (const [minor, { transcript }] of sessions)
    for (const [line, outcome] of newest.transcript)
      assert.equal(transcript.get(line), outcome, `1.${minor}: ${line}`);
});

function commands(kubectl: Kubectl): void {
  let session: KubectlSession;
  const ok: KubectlSession['ok'] = (...args) => session.ok(...args);

  test('has a namespace', async () => {
    // Of its own: what others have discovered changes with the definitions of each.
    const home = path.join(files.folder, `home-${kubectl.minor}`);
    session = new KubectlSession(kubectl, { kubeconfig, home });
    sessions.set(kubectl.minor, session);
    await ok(`create namespace ${session.namespace}`, /created/);
  });

  test('kustomize: a base with an overlay', async () => {
    const overlay = writeKustomization(path.join(files.folder, session.namespace));
    await ok(`kustomize ${overlay}`, /name: prod-settings-\w{10}\n/);
    await ok(
      `apply -k ${overlay}`,
      /configmap\/prod-settings-\w{10} created\nservice\/prod-web created\ndeployment.apps\/prod-web created/,
    );
    await ok(`apply -k ${overlay}`, /unchanged\n\S+ unchanged\n\S+ unchanged/);
    await ok(`diff -k ${overlay}`, /^/);
    await ok(
      'get deploy prod-web -o jsonpath={.spec.replicas}{.spec.template.spec.containers[0]}',
      /^3.*"name":"prod-settings-\w{10}".*"image":"nginx:1.25".*"limits":\{"memory":"64Mi"\}/,
      OWN_WORDS,
    );
    await ok('get svc prod-web -o jsonpath={.spec.ports[0].port}{.spec.selector}', /^8080.*"tier":"front"/);
    await ok('scale deploy prod-web --replicas=1', /scaled/);
    await session.refused(`diff -k ${overlay}`, 1, /-  replicas: 1\n\+  replicas: 3/);
    await ok(`delete -k ${overlay}`, /"prod-settings-\w{10}" deleted[^]*"prod-web" deleted/, OWN_WORDS);
    await ok('get deploy,svc,cm -l tier=front', /No resources found/);
  });

  test('the manifests of a chart', async () => {
    const of = (text: string): { stdin: string } => ({
      stdin: text.replaceAll('RELEASE', session.namespace),
    });
    await ok('apply -f -', /coupons\.mx\d+\.example\.com created/, of(CHART_DEFINITIONS));
    await ok(
      `wait --for=condition=Established crd/coupons.${session.namespace}.example.com`,
      /condition met/,
      OWN_WORDS,
    );
    const created = await ok('apply -f -', /^/, of(CHART));
    const lines = created.trim().split('\n');
    assert.deepEqual([lines.length, lines.filter((it) => !it.endsWith(' created'))], [16, []]);
    const again = await ok('apply -f -', /^/, { ...OWN_WORDS, ...of(CHART) });
    // What a manifest says otherwise than the server (an absent protocol, `nodePort: null`, `cpu: 0.1`) kubectl sends each time.
    const sent = again.trim().split('\n');
    assert.deepEqual(
      sent.filter((it) => !it.endsWith(' unchanged')).map((it) => it.replace(/\/.*-shop/, '')),
      [
        'networkpolicy.networking.k8s.io configured',
        // So do 1.27 and 1.28 with its selector.
        ...([27, 28].includes(kubectl.minor) ? ['poddisruptionbudget.policy configured'] : []),
        'service configured',
        'deployment.apps configured',
      ],
    );
    await ok('diff -f -', /^/, of(CHART));
    await ok('get cm -l app.kubernetes.io/managed-by=Helm -o jsonpath={.items[*].data.replicas}', /^3$/);
    await ok(
      `get deploy ${session.namespace}-shop -o jsonpath={.spec.template.spec.volumes[0].configMap.defaultMode}:{.spec.template.spec.containers[0].resources.requests.cpu}`,
      /^288:100m$/,
    );
    await ok(`get pod ${session.namespace}-shop-test -o jsonpath={.spec.priority}`, /^0$/);
    await ok('apply --server-side --force-conflicts -f -', /serverside-applied/, {
      ...OWN_WORDS,
      ...of(CHART),
    });
    await ok('delete -f - --wait=false', /"\S+-shop" deleted/, { ...OWN_WORDS, ...of(CHART) });
    await ok('delete -f -', /deleted/, { ...OWN_WORDS, ...of(CHART_DEFINITIONS) });
  });

  test('what is not served says why, and the rest of the set is applied', async () => {
    const stdin = CHART_UNSERVED.replaceAll('RELEASE', session.namespace);
    for (const line of ['apply -f -', 'create -f -', 'apply --server-side -f -']) {
      await session.refused(
        line,
        1,
        /horizontalpodautoscalers\.autoscaling are not served: nobody measures[^]*validatingwebhookconfigurations\.admissionregistration\.k8s\.io are not served: this server asks nobody/,
        { stdin },
      );
    }
    await ok(`get cm ${session.namespace}-after -o name`, /after$/);
    await session.refused('get hpa', 1, /are not served: nobody measures what pods use here/);
    await ok('get all', /No resources found/, OWN_WORDS);
  });
}
