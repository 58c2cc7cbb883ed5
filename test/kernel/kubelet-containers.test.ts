// Process containers on the real kernel: environment, volumes, init containers, restarts, termination, terminals.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ContainerStatus, PodStatus } from '../../src/objects/api-types.ts';
import { KubeletBed, until } from '../support/kubelet-bed.ts';
import { exec, getText } from '../support/kubelet-calls.ts';
import { scaledMs } from '../support/time-scale.ts';

let bed: KubeletBed;
before(async () => {
  bed = await KubeletBed.open();
});
after(() => bed.close());

const HOST = { annotations: { 'fairlead.dev/host-programs': 'true' } };

function sh(script: string): { name: string; image: string; command: string[] } {
  return { name: 'main', image: 'debian:12', command: ['sh', '-c', script] };
}

function main(status: PodStatus | undefined): ContainerStatus | undefined {
  return status?.containerStatuses?.[0];
}

async function logsOf(pod: string, query = ''): Promise<string> {
  return (await getText(bed.kubeletSocket, `/containerLogs/default/${pod}/main?${query}`)).text;
}

const meta = (name: string) => ({
  name,
  namespace: 'default',
  uid: name,
  resourceVersion: '1',
  creationTimestamp: '',
});

test('a process container sees its environment and its volumes, and leaves nothing on the host', async () => {
  bed.api.configMaps.set('default/conf', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: meta('conf'),
    data: { colour: 'blue', 'app.ini': 'mode=1' },
  });
  bed.api.secrets.set('default/key', {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: meta('key'),
    data: { password: Buffer.from('s3cret').toString('base64') },
  });
  bed.api.serviceList = [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { ...meta('my-db'), namespace: 'default' },
      spec: { clusterIP: '10.96.3.4', ports: [{ port: 5432, name: 'sql' }] },
    },
  ];
  const volumeMounts = [
    { name: 'conf', mountPath: '/etc/app' },
    { name: 'key', mountPath: '/etc/key' },
    { name: 'shared', mountPath: '/shared' },
    { name: 'token', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' },
    { name: 'facts', mountPath: '/facts' },
  ];
  const uid = bed.run(
    'env',
    {
      volumes: [
        { name: 'conf', configMap: { name: 'conf' } },
        { name: 'key', secret: { secretName: 'key', defaultMode: 0o400 } },
        { name: 'shared', emptyDir: {} },
        { name: 'token', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } },
        {
          name: 'facts',
          downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] },
        },
      ],
      containers: [
        {
          ...sh('touch /usr/mark /shared/from-main; echo up; exec sleep 1000'),
          env: [
            { name: 'A', value: '1' },
            { name: 'B', value: '$(A)2$$(A)$(NOPE)' },
            { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
            { name: 'COLOUR', valueFrom: { configMapKeyRef: { name: 'conf', key: 'colour' } } },
            { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'key', key: 'password' } } },
            { name: 'NONE', valueFrom: { secretKeyRef: { name: 'nope', key: 'x', optional: true } } },
          ],
          envFrom: [{ configMapRef: { name: 'conf' }, prefix: 'C_' }],
          volumeMounts,
        },
        { ...sh('exec sleep 1000'), name: 'second', volumeMounts: [{ name: 'shared', mountPath: '/data' }] },
      ],
    },
    { ...HOST, labels: { app: 'x' } },
  );
  await bed.ready('env');
  const run = async (script: string, container = 'main'): Promise<string> =>
    (await exec(bed.kubeletSocket, { pod: 'env', container, command: ['sh', '-c', script] })).stdout;
  assert.equal(
    await run(
      'echo $A $B $IP $COLOUR $PASSWORD [$NONE] $C_colour $MY_DB_SERVICE_HOST:$MY_DB_SERVICE_PORT_SQL',
    ),
    `1 12$(A)$(NOPE) ${bed.ip('env')} blue s3cret [] blue 10.96.3.4:5432\n`,
  );
  assert.equal(
    await run(
      'cat /etc/app/app.ini /etc/key/password /facts/labels; stat -Lc %a /etc/key/password; cat /var/run/secrets/kubernetes.io/serviceaccount/token',
    ),
    'mode=1s3cretapp="x"400\ntoken-of-env',
  );
  assert.equal(
    await run('ls /data; ls /usr/mark 2>&1', 'second'),
    "from-main\nls: cannot access '/usr/mark': No such file or directory\n",
  );
  assert.equal(
    await run('echo x > /etc/app/new 2>&1 || echo refused; hostname; cat /etc/hostname; ps -o pid= | wc -l'),
    'refused\nenv\nenv\n4\n',
  );
  assert.equal(
    await run(
      'ls /usr/mark; cat /proc/self/cgroup | grep -c t-lab; ls -A /root /home | grep -v : | grep -c .',
    ),
    '/usr/mark\n1\n0\n',
  );
  assert.equal(bed.onNode('ls', '/usr/mark').status, 2);

  bed.api.configMaps.set('default/conf', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: meta('conf'),
    data: { 'app.ini': 'mode=2' },
  });
  bed.kubelet.pods.noteObjects([{ kind: 'configmap', namespace: 'default', name: 'conf' }]);
  await until(
    'the new ConfigMap in the volume',
    async () => (await run('cat /etc/app/app.ini; ls /etc/app')) === 'mode=2app.ini\n',
  );
  bed.delete(uid, 1);
  await bed.gone(uid);
});

test('hooks run: a container whose postStart fails is restarted, a deadline ends the pod', async () => {
  const hook = (script: string) => ({ postStart: { exec: { command: ['sh', '-c', script] } } });
  const good = bed.run(
    'hooked',
    { containers: [{ ...sh('exec sleep 1000'), lifecycle: hook('touch /tmp/hooked') }] },
    HOST,
  );
  const bad = bed.run(
    'bad-hook',
    {
      terminationGracePeriodSeconds: 1,
      containers: [{ ...sh('exec sleep 1000'), lifecycle: hook('exit 6') }],
    },
    HOST,
  );
  const late = bed.run(
    'late',
    { activeDeadlineSeconds: 1, terminationGracePeriodSeconds: 0, containers: [sh('exec sleep 1000')] },
    HOST,
  );
  await bed.ready('hooked');
  const seen = await exec(bed.kubeletSocket, { pod: 'hooked', command: ['ls', '/tmp/hooked'] });
  assert.equal(seen.stdout, '/tmp/hooked\n');
  await until('a restart', () => (main(bed.api.status('bad-hook'))?.restartCount ?? 0) > 0);
  assert.ok(
    bed.api.events.some((it) => it.reason === 'FailedPostStartHook' && it.message.includes('exited with 6')),
  );
  await until('Failed', () => bed.api.status('late')?.phase === 'Failed');
  assert.equal(bed.api.status('late')?.reason, 'DeadlineExceeded');
  for (const uid of [good, bad, late]) bed.delete(uid, 0);
  await bed.gone(good, bad, late);
});

test('a missing ConfigMap holds back its container alone, until it appears', async () => {
  const uid = bed.run(
    'wants',
    {
      containers: [
        { ...sh('exec sleep 1000'), envFrom: [{ configMapRef: { name: 'late' } }] },
        { ...sh('exec sleep 1000'), name: 'other' },
      ],
    },
    HOST,
  );
  await until(
    'CreateContainerConfigError',
    () => main(bed.api.status('wants'))?.state?.waiting?.reason === 'CreateContainerConfigError',
  );
  await until(
    'the other',
    () => bed.api.status('wants')?.containerStatuses?.[1]?.state?.running !== undefined,
  );
  assert.equal(main(bed.api.status('wants'))?.state?.waiting?.message, 'configmap "late" not found');
  bed.api.configMaps.set('default/late', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: meta('late'),
    data: {},
  });
  await bed.ready('wants');
  bed.delete(uid, 0);
  await bed.gone(uid);
});

test('a volume of a missing object holds the pod in ContainerCreating, until it appears; an optional one does not', async () => {
  const volume = (name: string, secretName: string, optional?: boolean) => ({
    name,
    secret: { secretName, ...(optional !== undefined && { optional }) },
  });
  const uid = bed.run(
    'mounts',
    {
      volumes: [volume('keys', 'late-key'), volume('more', 'never', true)],
      containers: [
        {
          ...sh('cat /keys/a; echo; ls /more; exec sleep 1000'),
          volumeMounts: [
            { name: 'keys', mountPath: '/keys' },
            { name: 'more', mountPath: '/more' },
          ],
        },
      ],
    },
    HOST,
  );
  const events = () => bed.api.events.filter((it) => it.pod === 'mounts');
  await until('two tries', () => events().length >= 2);
  for (const event of events()) {
    assert.deepEqual(
      [event.type, event.reason, event.message],
      ['Warning', 'FailedMount', 'MountVolume.SetUp failed for volume "keys" : secret "late-key" not found'],
    );
  }
  const status = bed.api.status('mounts');
  assert.deepEqual(
    [status?.phase, status?.podIP, main(status)?.state?.waiting?.reason],
    ['Pending', undefined, 'ContainerCreating'],
  );
  const data = { a: Buffer.from('secret').toString('base64') };
  bed.api.secrets.set('default/late-key', {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: meta('late-key'),
    data,
  });
  bed.kubelet.pods.noteObjects([{ kind: 'secret', namespace: 'default', name: 'late-key' }]);
  await bed.ready('mounts');
  await until('the file', async () => (await logsOf('mounts')) === 'secret\n');
  bed.delete(uid, 0);
  await bed.gone(uid);
});

test('files show the labels of the moment, and the pod keeps its token', async () => {
  const uid = bed.run(
    'facts',
    {
      volumes: [
        {
          name: 'facts',
          projected: {
            sources: [
              { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
              { serviceAccountToken: { path: 'token' } },
            ],
          },
        },
      ],
      containers: [{ ...sh('exec sleep 1000'), volumeMounts: [{ name: 'facts', mountPath: '/facts' }] }],
    },
    { ...HOST, labels: { a: '1' } },
  );
  await bed.ready('facts');
  const pod = bed.api.pods.get(uid);
  assert.ok(pod);
  bed.put({ ...pod, metadata: { ...pod.metadata, labels: { a: '2' } } });
  const command = ['sh', '-c', 'cat /facts/labels /facts/token'];
  await until('the new label', async () => {
    const { stdout } = await exec(bed.kubeletSocket, { pod: 'facts', command });
    return stdout === 'a="2"token-of-facts';
  });
  assert.equal(bed.api.tokensOf(uid), 1);
  bed.delete(uid, 0);
  await bed.gone(uid);
});

test('init containers run one by one, then the pod; a failed one of a pod that never restarts fails it', async () => {
  const init = (name: string, script: string) => ({
    ...sh(script),
    name,
    volumeMounts: [{ name: 'v', mountPath: '/v' }],
  });
  const volumes = [{ name: 'v', emptyDir: {} }];
  const good = bed.run(
    'inits',
    {
      volumes,
      initContainers: [init('one', 'sleep 0.2; echo one >> /v/log'), init('two', 'echo two >> /v/log')],
      containers: [
        {
          ...sh('echo main >> /v/log; cat /v/log; exec sleep 1000'),
          volumeMounts: [{ name: 'v', mountPath: '/v' }],
        },
      ],
    },
    HOST,
  );
  await bed.ready('inits');
  await until('the log', async () => (await logsOf('inits')) === 'one\ntwo\nmain\n');
  const bad = bed.run(
    'bad-init',
    {
      volumes,
      restartPolicy: 'Never',
      initContainers: [init('one', 'exit 4')],
      containers: [sh('sleep 1000')],
    },
    HOST,
  );
  await until('Failed', () => bed.api.status('bad-init')?.phase === 'Failed');
  assert.equal(bed.api.status('bad-init')?.initContainerStatuses?.[0]?.state?.terminated?.exitCode, 4);
  assert.equal(main(bed.api.status('bad-init'))?.state?.waiting?.reason, 'PodInitializing');
  bed.delete(good, 0);
  bed.delete(bad, 0);
  await bed.gone(good, bad);
});

test('shell images run their command without being asked for host programs; a stand-in holds no pod back as init container', async () => {
  const busybox = (name: string, ...command: string[]) => ({ name, image: 'busybox:1.37', command });
  const uids = [
    bed.run('steps', {
      restartPolicy: 'Never',
      initContainers: [
        busybox('yes', 'true'),
        busybox('nap', 'sleep', '0.2'),
        { name: 'migrate', image: 'example.com/shop/migrate:1', ports: [{ containerPort: 80 }] },
      ],
      containers: [
        {
          name: 'main',
          image: 'alpine',
          args: ['sh', '-c', 'echo out; echo last >/dev/termination-log; exit 3'],
        },
      ],
    }),
    bed.run('no', {
      restartPolicy: 'Never',
      initContainers: [busybox('no', 'sh', '-c', 'exit 1')],
      containers: [busybox('main', 'true')],
    }),
    bed.run('typo', { restartPolicy: 'Never', containers: [busybox('main', 'slepe', '3')] }),
  ];
  for (const pod of ['steps', 'no', 'typo']) {
    await until(`${pod} to fail`, () => bed.api.status(pod)?.phase === 'Failed');
  }
  const inits = (pod: string) =>
    bed.api.status(pod)?.initContainerStatuses?.map((it) => it.state?.terminated?.exitCode);
  assert.deepEqual([inits('steps'), inits('no')], [[0, 0, 0], [1]]);
  const end = main(bed.api.status('steps'))?.state?.terminated;
  assert.deepEqual([end?.exitCode, end?.message], [3, 'last\n']);
  assert.equal(await logsOf('steps'), 'out\n');
  assert.deepEqual(
    bed.api.events.filter((it) => it.reason === 'StandIn').map((it) => [it.pod, it.container]),
    [['steps', 'migrate']],
  );
  assert.equal(main(bed.api.status('typo'))?.state?.terminated?.reason, 'StartError');
  for (const uid of uids) bed.delete(uid, 0);
  await bed.gone(...uids);
});

test('a container that fails is restarted at once, then with back-off; its earlier log stays readable', async () => {
  const uid = bed.run('crash', { containers: [sh('echo try; echo bad >&2; exit 7')] }, HOST);
  await until(
    'CrashLoopBackOff',
    () => main(bed.api.status('crash'))?.state?.waiting?.reason === 'CrashLoopBackOff',
  );
  const status = main(bed.api.status('crash'));
  assert.equal(status?.restartCount, 1);
  assert.equal(status?.lastState?.terminated?.exitCode, 7);
  assert.match(
    status?.state?.waiting?.message ?? '',
    /^back-off 10s restarting failed container=main pod=crash_default/,
  );
  const reasons = bed.api.events.filter((it) => it.pod === 'crash').map((it) => it.reason);
  assert.deepEqual(new Set(reasons), new Set(['Pulled', 'Created', 'Started', 'BackOff']));
  assert.equal(await logsOf('crash', 'previous=true'), 'try\nbad\n');
  assert.match(await logsOf('crash', 'timestamps=true&limitBytes=34'), /^20\d\d-.*Z try$/);
  bed.delete(uid, 0);
  await bed.gone(uid);
});

test('a program that is not there is a start error, not a hang', async () => {
  const uid = bed.run(
    'nothere',
    { restartPolicy: 'Never', containers: [{ name: 'main', image: 'x', command: ['/no/such'] }] },
    HOST,
  );
  await until('Failed', () => bed.api.status('nothere')?.phase === 'Failed');
  const state = main(bed.api.status('nothere'))?.state?.terminated;
  assert.deepEqual([state?.exitCode, state?.reason], [128, 'StartError']);
  assert.match(state?.message ?? '', /exec: "\/no\/such": No such file or directory/);
  bed.delete(uid, 0);
  await bed.gone(uid);
});

test('a pod of one run succeeds, gives its sandbox back and keeps its log', async () => {
  const uid = bed.run(
    'job',
    { restartPolicy: 'OnFailure', containers: [sh('echo done; echo bye > /dev/termination-log')] },
    HOST,
  );
  await until('Succeeded', () => bed.api.status('job')?.phase === 'Succeeded');
  await until('the namespace to be gone', () => bed.onNode('ls', bed.netns(uid)).status !== 0);
  assert.equal(await logsOf('job'), 'done\n');
  const end = main(bed.api.status('job'))?.state?.terminated;
  assert.deepEqual([end?.reason, end?.message], ['Completed', 'bye\n']);
  bed.delete(uid);
  await bed.gone(uid);
});

test('termination: hook, then SIGTERM, then the grace period, then SIGKILL; a forced deletion cuts it short', async () => {
  const volumes = [{ name: 'v', hostPath: { path: bed.folder } }];
  const volumeMounts = [{ name: 'v', mountPath: '/v' }];
  const polite = bed.run(
    'polite',
    {
      volumes,
      containers: [
        {
          ...sh(
            'trap "echo term >> /v/polite; exit 0" TERM; echo up >> /v/polite; while :; do sleep 0.05; done',
          ),
          volumeMounts,
          lifecycle: { preStop: { exec: { command: ['sh', '-c', 'sleep 0.2; echo hook >> /v/polite'] } } },
        },
      ],
    },
    HOST,
  );
  const deaf = bed.run('deaf', { containers: [sh('trap "" TERM; while :; do sleep 0.05; done')] }, HOST);
  const slow = bed.run('slow', { containers: [sh('trap "" TERM; while :; do sleep 0.05; done')] }, HOST);
  await bed.ready('polite', 'deaf', 'slow');
  await until('the first word', () => bed.onNode('cat', `${bed.folder}/polite`).stdout === 'up\n');
  bed.delete(polite);
  const began = Date.now();
  bed.delete(deaf, 1);
  bed.delete(slow, 60);
  await bed.gone(polite);
  assert.equal(bed.onNode('cat', `${bed.folder}/polite`).stdout, 'up\nhook\nterm\n');
  await bed.gone(deaf);
  assert.ok(Date.now() - began >= 1000, 'killed before its grace period was over');
  assert.ok(bed.api.pods.has(slow), 'a pod with a long grace period must still be there');
  bed.delete(slow, 0);
  await bed.gone(slow);
  assert.ok(Date.now() - began < scaledMs(10_000), 'a forced deletion waited for the old grace period');
});

test('a terminal is a real one: size, line discipline, exit code', async () => {
  const uid = bed.run('tty', { containers: [sh('exec sleep 1000')] }, HOST);
  await bed.ready('tty');
  const answer = await exec(bed.kubeletSocket, {
    pod: 'tty',
    command: ['sh', '-c', 'sleep 0.2; stty size; tty; read word; echo "got $word"; exit 5'],
    tty: { Width: 100, Height: 40 },
    stdin: 'hello\n',
  });
  assert.equal(answer.stdout, 'hello\r\n40 100\r\n/dev/pts/0\r\ngot hello\r\n');
  assert.equal(answer.status.details?.causes?.[0]?.message, '5');
  const big = await exec(bed.kubeletSocket, { pod: 'tty', command: ['head', '-c', '5000000', '/dev/zero'] });
  assert.equal(big.stdout.length, 5_000_000);
  bed.delete(uid, 0);
  await bed.gone(uid);
});
