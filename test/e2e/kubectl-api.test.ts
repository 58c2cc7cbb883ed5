// Every kubectl of this machine against the embedded API server: what users type, and what they must see.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { eventually } from '../support/eventually.ts';
import { FakeKubelet } from '../support/fake-kubelet.ts';
import { documentedRows, KubectlMatrix, tableText } from './kubectl-matrix.ts';
import {
  findKubectls,
  holdKubectl,
  runKubectl,
  type Held,
  type Kubectl,
  type Run,
} from '../support/kubectl.ts';
import { startTestServer, type ApiClient, type ApiServerFiles } from '../support/api-server.ts';

const MANIFEST = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: 'agnhost:2.53', args: [netexec], ports: [{containerPort: 8080, name: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: http}]
`;

const SETTINGS = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: replaced}\n';

/** Versions at the same time, each in a namespace of its own: some of each one's time is waiting. */
const SIDE_BY_SIDE = 4;

/** In less a kubectl is under way, on a busy machine too. */
const STARTED_MS = 1_000;

/** One local port for each of two ports of a pod. */
const FORWARDS_TWO = /Forwarding from 127\.0\.0\.1:(\d+) -> \d+[^]*Forwarding from 127\.0\.0\.1:(\d+) -> 1\n/;

const kubectls = findKubectls();
const matrix = new KubectlMatrix();
let files: ApiServerFiles;
let client: ApiClient;
let stop: () => Promise<void>;
let kubeconfig: string;
const kubelet = new FakeKubelet();
/** What a forwarded port leads to. */
const web = http.createServer((request, response) => response.end(`web got ${request.url ?? ''}`));

before(async () => {
  ({ files, client, stop } = await startTestServer());
  kubeconfig = files.kubeconfig(client.port);
  await kubelet.listen(files.at('kubelet.sock'));
  await client.post('/api/v1/nodes', { metadata: { name: 'n1' } });
  web.listen(0, '127.0.0.1');
  await once(web, 'listening');
});
after(async () => {
  web.close();
  await kubelet.close();
  await stop();
});

test('this machine has a kubectl', () => assert.ok(kubectls.length > 0));

describe('each version', { concurrency: SIDE_BY_SIDE }, () => {
  for (const kubectl of kubectls)
    describe(`kubectl 1.${kubectl.minor}`, { concurrency: 1 }, () => commands(kubectl));
});

function commands(kubectl: Kubectl): void {
  const namespace = `k${kubectl.minor}`;
  const run = async (args: string, stdin?: string): Promise<Run> => {
    const words = ['-n', namespace, ...args.split(' ')];
    const home = files.folder;
    const result = await runKubectl(kubectl, words, {
      kubeconfig,
      home,
      ...(stdin === undefined ? {} : { stdin }),
    });
    // diff says by its code that there is one.
    if (result.code === 0 || (args.startsWith('diff') && result.code === 1))
      matrix.worked(kubectl.minor, words);
    return result;
  };
  const ok = async (args: string, expected: RegExp, stdin?: string): Promise<void> => {
    const { code, text } = await run(args, stdin);
    assert.equal(code, 0, `${args}: ${text}`);
    assert.match(text, expected, args);
  };
  const hold = async (args: string, until: RegExp): Promise<Held> => {
    const words = ['-n', namespace, ...args.split(' ')];
    const held = await holdKubectl(kubectl, words, { kubeconfig, home: files.folder, until });
    matrix.worked(kubectl.minor, words);
    return held;
  };
  suite(kubectl, { namespace, run, ok, hold });
}

interface Tools {
  readonly namespace: string;
  readonly run: (args: string, stdin?: string) => Promise<Run>;
  readonly ok: (args: string, expected: RegExp, stdin?: string) => Promise<void>;
  readonly hold: (args: string, until: RegExp) => Promise<Held>;
}

function suite({ minor }: Kubectl, { namespace, run, ok, hold }: Tools): void {
  test('creates typed objects (protobuf bodies from 1.32 on)', async () => {
    await ok(`create namespace ${namespace}`, new RegExp(`namespace/${namespace} created`));
    await ok('create configmap settings --from-literal=a=b', /created/);
    await ok('create secret generic secret --from-literal=a=b', /created/);
    await ok('create serviceaccount bot', /created/);
    await ok('create deployment made --image=nginx --replicas=2 --port=80', /created/);
    await ok('create service clusterip made --tcp=80:8080', /created/);
    await ok('create job once --image=busybox -- true', /created/);
    await ok('create role reader --verb=get --resource=pods', /created/);
    await ok('create rolebinding reader --role=reader --serviceaccount=default:bot', /created/);
    await ok('create ingress door --rule=a.example.com/=made:80', /created/);
    await ok(
      'get deployment made -o jsonpath={.spec.template.spec.containers[0].image}:{.spec.replicas}',
      /^nginx:2$/,
    );
    await ok('get secret secret -o jsonpath={.data.a}', /^Yg==$/);
    await ok('auth can-i create pods', /yes/);
    // 1.20 knows no policy/v1 and no batch/v1 CronJob: a server of 1.25 and newer refuses it too.
    if (minor >= 21) await ok('create cronjob often --image=busybox --schedule=@hourly -- true', /created/);
    if (minor >= 24) await ok('create token bot', /^ey[\w-]+\.ey[\w-]+\.[\w-]+$/);
    if (minor >= 28) await ok('auth whoami', /admin/);
  });

  test('applies a manifest, again, and changed', async () => {
    await ok('apply -f -', /deployment.apps\/web created\nservice\/web created/, MANIFEST);
    await ok('apply -f -', /deployment.apps\/web unchanged\nservice\/web unchanged/, MANIFEST);
    await ok(
      'apply -f -',
      /deployment.apps\/web configured/,
      MANIFEST.replace('agnhost:2.53', 'agnhost:2.54'),
    );
    await ok('get deploy web -o jsonpath={.spec.template.spec.containers[*].image}', /^agnhost:2.54$/);
    const typo = MANIFEST.replace('replicas:', 'replica:').replaceAll('name: web', 'name: typo');
    const { code, text } = await run('apply -f -', typo);
    // kubectl before 1.25 validates by itself, against OpenAPI v2.
    assert.match(
      text,
      minor >= 25 ? /unknown field "spec.replica"/ : /unknown field "replica" in io\.k8s\.api\.apps/,
    );
    assert.notEqual(code, 0);
    await ok(
      'apply --dry-run=server -f -',
      /deployment.apps\/web (configured|unchanged) \(server dry run\)/,
      MANIFEST,
    );
  });

  test('applies on the server, where others have fields, too', async () => {
    const manifest = MANIFEST.replaceAll('name: web', 'name: served');
    await ok(
      'apply --server-side -f -',
      /served serverside-applied\nservice\/served serverside-applied/,
      manifest,
    );
    await ok('apply --server-side -f -', /served serverside-applied/, manifest);
    await ok('scale deploy served --replicas=4', /scaled/);
    const fought = await run('apply --server-side -f -', manifest);
    assert.notEqual(fought.code, 0);
    assert.match(
      fought.text,
      /Apply failed with 1 conflict: conflict with "kubectl[^"]*" with subresource "scale" using apps\/v1 at \S+: \.spec\.replicas/,
    );
    await ok('apply --server-side --force-conflicts -f -', /served serverside-applied/, manifest);
    await ok('get deploy served -o jsonpath={.spec.replicas}', /^2$/);
    // What is applied from the client's side before is taken over.
    await ok(
      'apply --server-side -f -',
      /deployment.apps\/web serverside-applied/,
      MANIFEST.replace('agnhost:2.53', 'agnhost:2.54'),
    );
    const diff = await run('diff --server-side -f -', manifest.replace('agnhost:2.53', 'agnhost:3'));
    assert.match(diff.text, /^\+.*agnhost:3/m);
  });

  test('shows objects as tables, YAML and descriptions', async () => {
    await ok(
      'get deploy,svc -o wide',
      /NAME +READY +UP-TO-DATE +AVAILABLE +AGE +CONTAINERS +IMAGES +SELECTOR\n/,
    );
    await ok(
      'get svc web',
      /NAME +TYPE +CLUSTER-IP +EXTERNAL-IP +PORT\(S\) +AGE\nweb +ClusterIP +10\.96\.\d+\.\d+ +<none> +80\/TCP/,
    );
    await ok('get all', /deployment.apps\/web/);
    await ok('get deploy web -o yaml', /kind: Deployment\n/);
    await ok('get cm -o name', /configmap\/settings/);
    await ok('get nodes,ns', /kube-system +Active/);
    await ok('describe deploy web', /Selector: +app=web/);
    await ok('describe svc web', /TargetPort: +http\/TCP/);
    await ok('get deploy -l app=web --field-selector metadata.name=web -o name', /^deployment.apps\/web$/);
    await ok('explain deployment.spec.replicas', /Number of desired pods/);
    await ok('explain pod.spec.containers.ports', /containerPort\s+<integer>[^]*Number of port to expose/);
    await ok('api-resources', /deployments +deploy +apps\/v1 +true +Deployment/);
  });

  test('changes objects', async () => {
    await ok('scale deploy web --replicas=3', /scaled/);
    await ok('get deploy web -o jsonpath={.spec.replicas}', /^3$/);
    await ok('label deploy web x=y', /labeled/);
    await ok('annotate deploy web x=y', /annotated?/);
    await ok('set image deploy/web web=agnhost:9', /image updated/);
    await ok('set env deploy/web A=B', /env updated/);
    await ok('rollout restart deploy web', /restarted/);
    await ok('patch deploy web -p {"spec":{"replicas":4}}', /patched/);
    await ok('patch deploy web --type=merge -p {"spec":{"replicas":5}}', /patched/);
    await ok(
      'patch deploy web --type=json -p [{"op":"replace","path":"/spec/replicas","value":6}]',
      /patched/,
    );
    await ok('get deploy web -o jsonpath={.spec.replicas}', /^6$/);
    await ok('expose deploy made --name=exposed --port=80', /exposed/);
    await ok('replace -f -', /configmap\/settings replaced/, SETTINGS);
    await ok('get cm settings -o jsonpath={.data.a}', /^replaced$/);
    await ok('set resources deploy web --limits=cpu=100m', /resource requirements updated/);
    await ok('set selector svc web app=other', /selector updated/);
    await ok('set serviceaccount deploy web bot', /serviceaccount updated/);
    await ok('rollout history deploy web', /deployment.apps\/web/);
    await ok('rollout pause deploy web', /paused/);
    await ok('rollout resume deploy web', /resumed/);
    await ok('create quota many --hard=pods=10', /created/);
    // policy/v1 came with 1.21.
    if (minor >= 21)
      await ok('create poddisruptionbudget some --selector=app=web --min-available=1', /created/);
    await ok('auth can-i --list', /\*\.\*/);
    await ok('cluster-info', /is running at/);
    await ok('version', /Server Version/);
    await ok('api-versions', /gateway\.networking\.k8s\.io\/v1\n/);
    await ok('get --raw /readyz', /^ok$/);
    await ok('get events', /No resources found|LAST SEEN/);
    const scaled = await run('autoscale deploy web --max=3');
    assert.match(scaled.text, /horizontalpodautoscalers\.autoscaling are not served: nobody measures/);
    assert.match((await run('top pods')).text, /Metrics API not available/);
  });

  test('waits', async () => {
    await ok('run sleeper --image=busybox', /pod\/sleeper created/);
    const pods = `/api/v1/namespaces/${namespace}/pods/sleeper`;
    const waiting = run('wait --for=condition=Ready pod/sleeper --timeout=15s');
    setTimeout(
      () =>
        void client.patch(`${pods}/status`, {
          status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
        }),
      STARTED_MS,
    );
    assert.match((await waiting).text, /condition met/);
    const gone = run('wait --for=delete pod/sleeper --timeout=15s');
    setTimeout(() => void client.delete(pods), STARTED_MS);
    assert.equal((await gone).code, 0);
  });

  test('streams logs, runs commands and attaches through the kubelet', async () => {
    await ok('run runner --image=busybox', /created/);
    const pods = `/api/v1/namespaces/${namespace}/pods/runner`;
    const binding = { target: { kind: 'Node', name: 'n1' } };
    assert.equal((await client.post(`${pods}/binding`, binding)).code, 201);
    await client.patch(`${pods}/status`, { status: { phase: 'Running' } });
    await ok('logs runner --tail=5', /^line one\nline two$/);
    const asked = new RegExp(`^/containerLogs/${namespace}/runner/runner\\?.*tailLines=5`);
    assert.equal(kubelet.asked.filter((it) => asked.test(it)).length, 1);
    const wrong = await run('logs runner -c other');
    assert.notEqual(wrong.code, 0);
    assert.match(wrong.text, /container other is not valid for pod runner/);
    await ok('exec runner -- ls -l', /^ran ls -l$/);
    await ok('exec -i runner -- cat', /ran cat\nhello/, 'hello');
    const failed = await run('exec runner -- false');
    assert.deepEqual([failed.code, /exit code 3/.test(failed.text)], [3, true]);
    await ok('attach runner -i', /ran[^]*hello/, 'hello');
    const attached = new RegExp(`/attach/${namespace}/runner/runner\\?.*stdin=true`);
    assert.equal(kubelet.asked.filter((it) => attached.test(it)).length, 1);
  });

  test('forwards ports through the kubelet', async () => {
    const { port } = web.address() as AddressInfo;
    const held = await hold(`port-forward pod/runner :${port} :1`, FORWARDS_TWO);
    const [, good = '', none = ''] = held.match;
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, i) => fetch(`http://127.0.0.1:${good}/${i}`).then((it) => it.text())),
    );
    assert.deepEqual(
      answers,
      Array.from({ length: 8 }, (_, i) => `web got /${i}`),
    );
    await assert.rejects(fetch(`http://127.0.0.1:${none}/`));
    await eventually(() => /error forwarding port 1 to pod fake: .*ECONNREFUSED/.test(held.text()));
    await held.end();
    const upgrade = minor >= 31 ? 'websocket' : 'spdy/3.1';
    const asked = kubelet.upgrades.filter((it) => it.endsWith(` /portForward/${namespace}/runner`));
    assert.deepEqual(asked, [`${upgrade} /portForward/${namespace}/runner`]);
    // What selects pods is found by kubectl itself.
    await ok('expose pod runner --name=runner --port=80', /exposed/);
    const service = await hold(`port-forward svc/runner :80`, /Forwarding from 127/);
    await service.end();
  });

  test('debugs pods and nodes', async () => {
    const runner = `/api/v1/namespaces/${namespace}/pods/runner`;
    await ok('debug runner --image=busybox --copy-to=runner-copy --container=dbg', /^/);
    await ok('get pod runner-copy -o jsonpath={.spec.containers[*].name}', /^runner dbg$/);
    await ok('debug node/n1 --image=busybox --attach=false', /Creating debugging pod node-debugger-n1-/);
    // Ephemeral containers were a kind of their own then: no server since 1.22 has it, and each refuses it in these words.
    if (minor < 22) {
      const old = await run('debug runner --image=busybox');
      assert.equal(old.code, 1, old.text);
      assert.match(
        old.text,
        /error updating ephemeral containers: EphemeralContainers in version "v1" cannot be handled as a Pod: no kind "EphemeralContainers" is registered for version "v1"/,
      );
      return;
    }
    await ok('debug runner --image=busybox --target=runner -c looked', /^Targeting container "runner"/);
    await ok(
      'get pod runner -o jsonpath={.spec.ephemeralContainers[*].name}:{.spec.ephemeralContainers[*].targetContainerName}',
      /^looked:runner$/,
    );
    const typing = run('debug runner -i --image=busybox -c typed', 'hello');
    await eventually(async () => (await client.get(runner)).json.spec.ephemeralContainers.length === 2);
    const running = { name: 'typed', state: { running: { startedAt: '2026-01-01T00:00:00Z' } } };
    await client.patch(`${runner}/status`, { status: { ephemeralContainerStatuses: [running] } });
    const typed = await typing;
    assert.deepEqual([typed.code, /ran[^]*hello/.test(typed.text)], [0, true], typed.text);
    assert.ok(kubelet.asked.some((it) => it.startsWith(`/attach/${namespace}/runner/typed?`)));
  });

  test('shows its refusals', async () => {
    const bad = MANIFEST.replaceAll('name: web', 'name: Bad_Name');
    assert.match(
      (await run('create -f - --validate=false', bad)).text,
      /is invalid: .*metadata.name: Invalid value: "Bad_Name"/,
    );
    assert.match((await run('create configmap settings')).text, /configmaps "settings" already exists/);
    assert.match((await run('get pod nobody')).text, /pods "nobody" not found/);
  });

  test('deletes', async () => {
    await ok('delete -f -', /deployment.apps "web" deleted/, MANIFEST);
    await ok('delete deploy,svc --all', /"made" deleted/);
    await ok('delete pod runner --grace-period=0 --force', /deleted/);
    assert.match((await run('get deploy')).text, /No resources found/);
    const marked = await run(`delete ns ${namespace} --wait=false`);
    assert.match(marked.text, /deleted/);
    assert.match((await run('create configmap late')).text, /being terminated/);
  });
}

test('docs/kubernetes-api.md says what works with which version', () => {
  const minors = kubectls.map(({ minor }) => minor);
  const rows = matrix.rows();
  const isTrue = isDeepStrictEqual(documentedRows(minors), rows);
  assert.ok(isTrue, `the page should have this table:\n${tableText(rows, minors)}`);
});

test('kubectl is refused without credentials', async () => {
  const [kubectl] = kubectls;
  assert.ok(kubectl);
  const anonymous = files.at('anonymous');
  const cluster = { server: `https://127.0.0.1:${client.port}`, 'certificate-authority': files.at('ca.crt') };
  const user = { token: 'wrong' };
  const context = { cluster: 't', user: 't' };
  writeFileSync(
    anonymous,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 't',
      clusters: [{ name: 't', cluster }],
      users: [{ name: 't', user }],
      contexts: [{ name: 't', context }],
    }),
  );
  const { code, text } = await runKubectl(kubectl, ['get', 'pods'], {
    kubeconfig: anonymous,
    home: files.folder,
  });
  assert.notEqual(code, 0);
  assert.match(text, /must be logged in|Unauthorized/);
});
