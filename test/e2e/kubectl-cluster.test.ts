// Every kubectl of this machine on one whole cluster, each in a namespace of its own: what users type, what they must see, and that
// versions see the same.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { after, before, describe, suite, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { clusterName, fairlead } from '../support/cluster.ts';
import { changedLines, machinePicture, type MachinePicture } from '../support/machine.ts';
import { findKubectls } from '../support/kubectl.ts';
import { WEB, writeManifests, type ManifestFiles } from './kubectl-manifests.ts';
import { KubectlSession, OWN_WORDS } from './kubectl-session.ts';

const NAME = clusterName('kc');
/** What a shell in a node is to see: its name, its addresses, its tunnel, and its root at /host. */
const NODE_LOOK =
  'echo name=$(hostname); ip addr; ip link show fairlead.vx; echo node=$(ls /host/etc | wc -l); echo root=$(chroot /host grep -c ^root: /etc/passwd)';
/** Versions at the same time: some of each one's time is waiting. */
const SIDE_BY_SIDE = 4;

const folder = mkdtempSync(`${tmpdir()}/kubectl-cluster-`);
const files = writeManifests(folder);
const kubeconfig = `/var/lib/fairlead/${NAME}/kubeconfig`;
/** What lies between the oldest and the newest speaks as one of them does; `kubectl-api.test.ts` asks every one. */
const ends = findKubectls().filter((_, at, all) => at === 0 || at === all.length - 1);
const sessions = ends.map((kubectl) => new KubectlSession(kubectl, { kubeconfig, home: folder }));

suite('kubectl on a cluster', () => {
  let picture: MachinePicture;

  before(() => {
    picture = machinePicture();
    const result = fairlead(['up', '--name', NAME, '--nodes', '2', '--no-check', '-q']);
    assert.equal(result.code, 0, result.stderr);
  });
  after(() => {
    const result = fairlead(['down', '--name', NAME, '-q']);
    rmSync(folder, { recursive: true });
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(changedLines(picture, machinePicture(), NAME), []);
  });

  test('this machine has a kubectl', () => assert.ok(sessions.length > 0));

  describe('each version', { concurrency: SIDE_BY_SIDE }, () => {
    for (const session of sessions)
      describe(`kubectl 1.${session.minor}`, { concurrency: 1 }, () => commands(session, files));
  });

  // What nodes show, all versions see: one after the other.
  for (const session of sessions)
    test(`kubectl 1.${session.minor} cordons and uncordons a node`, () => cordon(session));

  test('all of them drain a node, each of its own pods', async () => {
    await Promise.all(sessions.map((session) => drain(session)));
    for (const session of sessions)
      await session.ok('uncordon node-1', /node\/node-1 (already )?uncordoned/, OWN_WORDS);
  });

  const newest = sessions.at(-1);
  for (const session of sessions.slice(0, -1))
    test(`kubectl 1.${session.minor} sees what 1.${newest?.minor} sees`, () => {
      for (const [line, outcome] of newest?.transcript ?? []) {
        const own = session.transcript.get(line);
        if (own !== undefined) assert.equal(own, outcome, line);
      }
    });
});

function commands(session: KubectlSession, { web, pods, folder: configs }: ManifestFiles): void {
  const { namespace, minor } = session;
  const ok: KubectlSession['ok'] = (...args) => session.ok(...args);
  const refused: KubectlSession['refused'] = (...args) => session.refused(...args);

  test('create', async () => {
    await ok(`create namespace ${namespace}`, /created/);
    await ok('create deployment made --image=nginx --replicas=1 --port=80', /deployment.apps\/made created/);
    await ok('create service clusterip made --tcp=80:80', /service\/made created/);
    await ok('create configmap settings --from-literal=a=b', /configmap\/settings created/);
    await ok('create secret generic secret --from-literal=a=b', /secret\/secret created/);
    await ok('create job once --image=busybox -- sleep 0.1', /job.batch\/once created/);
    // Before 1.21 kubectl knows cron jobs of batch/v1beta1 alone, which servers have not had since 1.25.
    if (minor >= 21) {
      await ok('create cronjob yearly --image=busybox --schedule=@yearly -- sleep 0.1', /created/);
      await ok('create job twice --from=cronjob/yearly', /job.batch\/twice created/);
    }
    await refused('create configmap settings', 1, /configmaps "settings" already exists/);
  });

  test('apply: a file, a folder, standard input; again; changed', async () => {
    await ok(`apply -f ${web}`, /deployment.apps\/web created\nservice\/web created/);
    await ok(`apply -f ${pods}`, /pod\/shell created\npod\/crash created\npod\/nowhere created/);
    await ok(`apply -f ${configs}`, /configmap\/from-a created\nsecret\/from-b created/);
    await ok(`apply -f ${web}`, /deployment.apps\/web unchanged\nservice\/web unchanged/);
    const changed = WEB.replace('revisionHistoryLimit: 5', 'revisionHistoryLimit: 6');
    await refused('diff -f -', 1, /-  revisionHistoryLimit: 5\n\+  revisionHistoryLimit: 6/, {
      ...OWN_WORDS,
      stdin: changed,
    });
    await ok('apply -f -', /deployment.apps\/web configured\nservice\/web unchanged/, { stdin: changed });
    // Before 1.25 kubectl judges by OpenAPI itself, newer ones ask the server.
    await refused('apply -f -', 1, minor >= 25 ? /unknown field "spec.replica"/ : /unknown field "replica"/, {
      ...OWN_WORDS,
      stdin: WEB.replace('replicas: 2', 'replica: 2').split('---')[0] ?? '',
    });
  });

  test('wait and rollout status', async () => {
    await ok('rollout status deploy/web --timeout=15s', /successfully rolled out/, OWN_WORDS);
    await ok('wait --for=condition=Available deploy/web --timeout=15s', /deployment.apps\/web condition met/);
    await ok('wait --for=condition=complete job/once --timeout=15s', /job.batch\/once condition met/);
    await ok('wait --for=condition=Ready pod/shell --timeout=15s', /pod\/shell condition met/);
    if (minor >= 23)
      await ok('wait --for=jsonpath={.status.phase}=Running pod/shell --timeout=15s', /condition met/);
    await refused('wait --for=condition=Ready pod/nowhere --timeout=300ms', 1, /timed out waiting/);
  });

  test('get', async () => {
    await ok('get pod shell', /^NAME +READY +STATUS +RESTARTS +AGE\nshell +2\/2 +Running +0 /);
    await ok(
      'get pods -l app=shell -o wide',
      /NODE +NOMINATED NODE +READINESS GATES +SERVED BY\n.* process$/,
    );
    await ok('get deploy web', /^NAME +READY +UP-TO-DATE +AVAILABLE +AGE\nweb +2\/2 +2 +2 /);
    await ok(
      'get deploy,svc -l app=web -o wide',
      /server,side +agnhost:2.53,agnhost:2.53 +app=web\n[^]*app=web$/,
    );
    await ok('get svc web', /ClusterIP +10\.96\.\d+\.\d+ +<none> +80\/TCP/);
    await ok(
      'get endpointslices -l kubernetes.io/service-name=web --sort-by=.addressType',
      /web-\w+ +IPv4 +8080 +10\.244/,
    );
    await ok('get pod nowhere', /nowhere +0\/1 +Pending/);
    await ok(
      'get deploy web -o yaml',
      /^apiVersion: apps\/v1\nkind: Deployment\n[^]*availableReplicas: 2/,
      OWN_WORDS,
    );
    await ok('get deploy web -o json', /"kind": "Deployment"/, OWN_WORDS);
    await ok('get deploy web -o jsonpath={.spec.replicas}/{.status.readyReplicas}', /^2\/2$/);
    await ok('get cm -l from=folder -o name', /^configmap\/from-a$/);
    await ok('get pods --field-selector status.phase=Pending -o name', /^pod\/nowhere$/);
    await ok('get pods -A -l app=shell --field-selector=metadata.namespace=' + namespace, /^NAMESPACE +NAME/);
    await ok('get ns kube-system -o custom-columns=N:.metadata.name,P:.status.phase', /kube-system +Active/);
    await refused('get pod nobody', 1, /pods "nobody" not found/);
    const labelled = session.says('get pods -l watched=yes -w', /shell +2\/2 +Running/);
    await ok('label pod shell watched=yes', /pod\/shell labeled/);
    await labelled;
  });

  test('describe', async () => {
    await ok('describe pod shell', /Node: +node-\d\/10\.89[^]*Started +\S+ +kubelet/, OWN_WORDS);
    await ok('describe pod nowhere', /FailedScheduling/, OWN_WORDS);
    await ok(
      'describe svc web',
      /TargetPort: +http\/TCP\nEndpoints: [^\n]*\b10\.244\.\d+\.\d+:8080/,
      OWN_WORDS,
    );
    await ok('describe deploy web', /Replicas: +2 desired \| 2 updated \| 2 total \| 2 available/, OWN_WORDS);
    await ok('describe node node-1', /PodCIDR: +10\.244\.\d\.0\/24[^]*Non-terminated Pods:/, OWN_WORDS);
  });

  test('logs', async () => {
    await ok('logs shell -c main --tail=1', /^line 3$/);
    await ok('logs shell --all-containers', /^(other\n)?line 1\nline 2\nline 3(\nother)?$/, OWN_WORDS);
    await ok('logs -l app=shell -c other', /^other$/);
    await ok(
      'logs -l app=shell --all-containers --prefix --tail=1',
      /\[pod\/shell\/main\] line 3/,
      OWN_WORDS,
    );
    await ok('logs deploy/web -c server', /Started HTTP server on port 8080/, OWN_WORDS);
    await session.says('logs -f shell -c main', /line 3/);
    // How often by then is each version's own.
    await session.eventually(
      'get pod crash -o jsonpath={.status.containerStatuses[0].restartCount}',
      /^[1-9]/,
      OWN_WORDS,
    );
    await ok('logs crash --previous', /^one life$/);
    await refused(
      'logs shell -c main --previous',
      1,
      /previous terminated container "main" in pod "shell" not found/,
    );
    await refused('logs shell -c nobody', 1, /container nobody is not valid for pod shell/);
    await refused('logs nowhere', 1, /does not have a host assigned/);
  });

  test('exec and cp', async () => {
    await ok('exec shell -- cat /etc/hostname', /\bshell$/);
    await ok('exec -i shell -c other -- cat', /^hello$/, { stdin: 'hello' });
    await ok(['exec', 'shell', '-c', 'other', '--', 'sh', '-c', 'echo out; echo err >&2'], /out/);
    await refused(['exec', 'shell', '-c', 'main', '--', 'sh', '-c', 'exit 7'], 7, /exit code 7/);
    await refused('exec shell -c main -- no-such-program', 1, /no-such-program/);
    await ok(`exec shell -c main -- curl -s --max-time 5 http://web/hostname`, /^web-/);
    writeFileSync(`${folder}/${namespace}.txt`, `from ${namespace}`);
    await ok(`cp ${folder}/${namespace}.txt ${namespace}/shell:/tmp/copied -c main`, /^$/);
    await ok('exec shell -c main -- cat /tmp/copied', /^from mx\d+$/);
    await ok(`cp ${namespace}/shell:/tmp/copied ${folder}/${namespace}.back -c main`, /^/, OWN_WORDS);
    assert.equal(readFileSync(`${folder}/${namespace}.back`, 'utf8'), `from ${namespace}`);
  });

  test('cp of folders', async () => {
    const bytes = randomBytes(300_000);
    mkdirSync(`${folder}/${namespace}/inner`, { recursive: true });
    writeFileSync(`${folder}/${namespace}/inner/bytes`, bytes);
    await ok(`cp ${folder}/${namespace} ${namespace}/shell:/tmp/folder -c other`, /^/, OWN_WORDS);
    await ok(`cp ${namespace}/shell:/tmp/folder ${folder}/${namespace}.folder -c other`, /^/, OWN_WORDS);
    assert.ok(readFileSync(`${folder}/${namespace}.folder/inner/bytes`).equals(bytes));
  });

  test('port-forward', async () => {
    const held = await session.hold('port-forward svc/web :80', /from 127\.0\.0\.1:(\d+) -> 8080/);
    const url = `http://127.0.0.1:${held.match[1]}`;
    const names = await Promise.all(
      Array.from({ length: 6 }, () => fetch(`${url}/hostname`).then((it) => it.text())),
    );
    assert.match(names.join(' '), /^(web-\S+ ?){6}$/);
    await held.end();
    const none = await session.hold('port-forward pod/shell :81', /from 127\.0\.0\.1:(\d+) -> 81/);
    await assert.rejects(fetch(`http://127.0.0.1:${none.match[1]}/`));
    await eventually(() => /127\.0\.0\.1: connection refused, ::1: connection refused/.test(none.text()));
    await none.end();
    await refused('port-forward pod/nowhere :80', 1, /pod is not running/);
  });

  test('attach and run -i', async () => {
    const line = ['run', 'asked', '--image=busybox', '--restart=Never', '-i', '--rm', '--'];
    const program = ['sh', '-c', 'read word; echo heard $word'];
    await ok([...line, ...program], /heard this\b/, { stdin: 'this\n', ...OWN_WORDS });
    await ok('get pod asked --ignore-not-found', /^$/);
    await ok('run resting --image=busybox -i --restart=Never -- sh -c cat', /^[^]*to rest/, {
      stdin: 'to rest',
      ...OWN_WORDS,
    });
    await refused('attach -i shell -c main', 1, /container .*main.* has no standard input/);
    await refused('attach -i deploy/web -c server', 1, /is a stand-in, which has no process/);
    await refused('attach nobody', 1, /pods "nobody" not found/);
  });

  test('debug', async () => {
    const look = ['--', 'sh', '-c', 'read _; tr "\\0" " " < /proc/1/cmdline'];
    if (minor >= 23) {
      const line = 'debug shell -i --image=busybox --target=main -c look'.split(' ');
      await ok([...line, ...look], /sleep 600/, { stdin: 'go\n', ...OWN_WORDS });
      await session.eventually(
        'get pod shell -o jsonpath={.status.ephemeralContainerStatuses[0].state.terminated.reason}',
        /^Completed$/,
        OWN_WORDS,
      );
      await ok('get pod shell', /shell +2\/2 +Running +0 /);
    }
    await ok('debug shell --image=busybox --copy-to=shell-copy -c look -- sleep 600', /^/, OWN_WORDS);
    await ok('wait --for=condition=Ready pod/shell-copy --timeout=15s', /condition met/);
    await ok('delete pod shell-copy --grace-period=0 --force', /deleted/, OWN_WORDS);
    await ok(
      'debug node/node-1 -i --image=busybox',
      /name=node-1\n[^]*inet 10\.89\.\d+\.\d+\/[^]*fairlead\.vx[^]*node=\d+\nroot=1$/,
      { stdin: `${NODE_LOOK}\nexit\n`, ...OWN_WORDS },
    );
    const apart = ['debug', 'node/node-2', '-i', '--image=busybox', '--', 'sh', '-c', `read _; ${NODE_LOOK}`];
    await ok(apart, /name=node-2\n/, { stdin: 'go\n', ...OWN_WORDS });
    // What reaches the machine itself runs only where an annotation says so.
    if (minor >= 30) {
      await ok(
        'debug node/node-1 -i --image=busybox --profile=sysadmin',
        /is a stand-in, which has no process/,
        OWN_WORDS,
      );
    }
  });

  test('label, annotate, patch, edit', async () => {
    await ok('label deploy web tier=front', /deployment.apps\/web labeled/);
    await refused('label deploy web tier=back', 1, /already has a value|--overwrite/);
    await ok('annotate deploy web note=this', /deployment.apps\/web annotated?/, OWN_WORDS);
    await ok(
      [
        'patch',
        'deploy',
        'web',
        '-p',
        '{"spec":{"template":{"spec":{"containers":[{"name":"side","image":"agnhost:2.54"}]}}}}',
      ],
      /patched/,
    );
    await ok(
      'get deploy web -o jsonpath={.spec.template.spec.containers[*].image}',
      /^agnhost:2.53 agnhost:2.54$/,
    );
    await ok('patch deploy web --type=merge -p {"spec":{"minReadySeconds":1}}', /patched/);
    await ok(
      'patch deploy web --type=json -p [{"op":"replace","path":"/spec/minReadySeconds","value":0}]',
      /patched/,
    );
    await ok('get deploy web -o jsonpath={.metadata.annotations.note}/{.spec.minReadySeconds}', /^this\/0?$/);
    await refused(
      'patch deploy web --type=json -p [{"op":"test","path":"/spec/replicas","value":9}]',
      1,
      /test/,
    );
    await refused('patch deploy web -p {"spec":{"replicas":"many"}}', 1, /spec\.replicas|replicas/);
    await ok('edit cm from-a', /configmap\/from-a edited/, {
      env: { KUBE_EDITOR: 'sed -i s/value/edited/' },
    });
    await ok('get cm from-a -o jsonpath={.data.key}', /^edited$/);
  });

  test('scale, set, rollout', async () => {
    await ok('rollout status deploy/web --timeout=15s', /successfully rolled out/, OWN_WORDS);
    await ok('scale deploy web --replicas=3', /deployment.apps\/web scaled/);
    await refused(
      'scale deploy web --replicas=1 --current-replicas=9',
      1,
      /Expected replicas to be 9, was 3/,
    );
    await ok('rollout status deploy/web --timeout=15s', /successfully rolled out/, OWN_WORDS);
    await ok('set image deploy/web server=agnhost:2.55', /deployment.apps\/web image updated/);
    await ok('rollout status deploy/web --timeout=15s', /successfully rolled out/, OWN_WORDS);
    await ok('rollout history deploy/web', /REVISION +CHANGE-CAUSE\n1 +<none>\n2 +<none>\n3 /, OWN_WORDS);
    await ok('rollout history deploy/web --revision=1', /agnhost:2.53/, OWN_WORDS);
    await ok('rollout undo deploy/web --to-revision=1', /deployment.apps\/web rolled back/);
    await ok('rollout status deploy/web --timeout=15s', /successfully rolled out/, OWN_WORDS);
    await ok(
      'get deploy web -o jsonpath={.spec.template.spec.containers[*].image}',
      /^agnhost:2.53 agnhost:2.53$/,
    );
    await ok('rollout restart deploy/web', /deployment.apps\/web restarted/);
    await ok('rollout status deploy/web --timeout=15s', /successfully rolled out/, OWN_WORDS);
  });

  test('expose and run', async () => {
    await ok('expose deploy web --name=exposed --port=8000 --target-port=http', /service\/exposed exposed/);
    await ok(
      'exec shell -c main -- curl -s --max-time 5 --retry 5 --retry-connrefused http://exposed:8000/hostname',
      /^web-/,
    );
    await ok('run alone --image=nginx --port=80 --labels=app=alone', /pod\/alone created/);
    await ok('wait --for=condition=Ready pod/alone --timeout=15s', /condition met/);
  });

  test('the cluster', async () => {
    await ok('cluster-info', /control plane.* is running at .*https:\/\/127\.0\.0\.1:\d+/, OWN_WORDS);
    await ok('api-resources', /deployments +deploy +apps\/v1 +true +Deployment/, OWN_WORDS);
    await ok('api-resources --namespaced=false -o name', /^[^]*nodes\n/);
    await ok('version', /Server Version: .*v?1\D+33/, OWN_WORDS);
  });

  test('what is not served says so', async () => {
    await refused('top pods', 1, /Metrics API not available/);
  });

  test('delete', async () => {
    await ok('delete pod alone --grace-period=0 --force', /pod "alone" force deleted/, OWN_WORDS);
    await ok('get pod alone --ignore-not-found', /^$/);
    await ok('delete cm -l from=folder', /configmap "from-a" deleted/, OWN_WORDS);
    await ok('delete deploy made --cascade=orphan', /"made" deleted/, OWN_WORDS);
    await ok('get rs,pods -l app=made -o name', /replicaset\.apps\/made-\w+\npod\/made-/);
    await ok('delete rs -l app=made', /deleted/, OWN_WORDS);
    await session.eventually('get pods -l app=made', /No resources found/);
    await ok(
      `delete -f ${web} --wait=false`,
      /deployment.apps "web" deleted[^]*service "web" deleted/,
      OWN_WORDS,
    );
    // It ignores SIGTERM, so there are two seconds in which to wait.
    await ok('delete pod shell --grace-period=2 --wait=false', /pod "shell" deleted/, OWN_WORDS);
    await ok('wait --for=delete pod/shell --timeout=15s', /^pod\/shell condition met$/);
    await ok('delete pods --all --now', /pod "crash" deleted/, OWN_WORDS);
    await refused('delete pod nobody', 1, /pods "nobody" not found/);
  });
}

async function cordon(session: KubectlSession): Promise<void> {
  await session.ok('cordon node-2', /node\/node-2 cordoned/);
  await session.ok('get node node-2', /Ready,SchedulingDisabled/);
  await session.ok(`run cordoned --image=nginx --labels=drain=${session.namespace}`, /pod\/cordoned created/);
  await session.eventually('get pod cordoned -o jsonpath={.spec.nodeName}', /^node-1$/);
  await session.ok('uncordon node-2', /node\/node-2 uncordoned/);
}

/** The selector is for pods of all namespaces. */
async function drain(session: KubectlSession): Promise<void> {
  const line = `drain node-1 --pod-selector=drain=${session.namespace} --force --timeout=15s`;
  await session.ok(line, /pod\/cordoned evicted/, OWN_WORDS);
  await session.ok('get pod cordoned --ignore-not-found', /^$/);
}
