// The pod runtime through time: probes, processes that die, a new kubelet process, failures of others, hundreds of pods.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { ContainerStatus } from '../../src/objects/api-types.ts';
import { KubeletBed, until } from '../support/kubelet-bed.ts';
import { exec, getText } from '../support/kubelet-calls.ts';

let bed: KubeletBed;
before(async () => {
  bed = await KubeletBed.open();
});
after(() => bed.close());

const HOST = { annotations: { 'fairlead.dev/host-programs': 'true' } };

function sh(script: string): { name: string; image: string; command: string[] } {
  return { name: 'main', image: 'debian:12', command: ['sh', '-c', script] };
}

function agnhost(...args: string[]): { name: string; image: string; args: string[] } {
  return { name: 'main', image: 'agnhost:2.53', args };
}

function main(pod: string): ContainerStatus | undefined {
  return bed.api.status(pod)?.containerStatuses?.[0];
}

function readyOf(pod: string): string | undefined {
  return bed.api.status(pod)?.conditions?.find((it) => it.type === 'Ready')?.status;
}

test('readiness follows its probe, a failed liveness probe restarts the container, a startup probe holds both back', async () => {
  const fast = { periodSeconds: 1, failureThreshold: 1 };
  const uid = bed.run(
    'probed',
    {
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          ...sh('touch /tmp/alive; exec sleep 1000'),
          startupProbe: {
            exec: { command: ['test', '-e', '/tmp/started'] },
            periodSeconds: 1,
            failureThreshold: 30,
          },
          readinessProbe: { exec: { command: ['test', '-e', '/tmp/ready'] }, ...fast },
          livenessProbe: { exec: { command: ['test', '-e', '/tmp/alive'] }, ...fast },
        },
      ],
    },
    HOST,
  );
  const run = (command: string): Promise<unknown> =>
    exec(bed.kubeletSocket, { pod: 'probed', command: ['sh', '-c', command] });
  await until('running', () => main('probed')?.state?.running !== undefined);
  await run('touch /tmp/ready');
  assert.equal(main('probed')?.started, false);
  assert.equal(readyOf('probed'), 'False');
  await run('touch /tmp/started');
  await bed.ready('probed');
  await run('rm /tmp/ready');
  await until('not ready', () => readyOf('probed') === 'False');
  assert.equal(main('probed')?.restartCount, 0);
  await run('rm /tmp/alive');
  await until('a restart', () => main('probed')?.restartCount === 1);
  const reasons = bed.api.events.filter((it) => it.pod === 'probed').map((it) => it.reason);
  assert.ok(reasons.includes('Unhealthy') && reasons.includes('Killing'));
  bed.delete(uid, 0);
  await bed.gone(uid);
});

test('failed probes are told in the words of a kubelet', async () => {
  const probe = { periodSeconds: 1, failureThreshold: 1 };
  const uids = [
    bed.run('deaf', {
      terminationGracePeriodSeconds: 0,
      containers: [{ ...agnhost('pause'), livenessProbe: { tcpSocket: { port: 9999 }, ...probe } }],
    }),
    bed.run('ill', {
      containers: [
        {
          ...agnhost('netexec'),
          readinessProbe: { httpGet: { path: '/echo?msg=private&code=500', port: 8080 }, ...probe },
        },
      ],
    }),
    bed.run(
      'slow-probe',
      {
        containers: [
          {
            ...sh('exec sleep 1000'),
            readinessProbe: { exec: { command: ['sleep', '30'] }, timeoutSeconds: 1, ...probe },
          },
        ],
      },
      HOST,
    ),
  ];
  const wanted: readonly (readonly [string, string, string])[] = [
    ['deaf', 'Unhealthy', 'Liveness probe failed: dial tcp IP:9999: connect: connection refused'],
    ['deaf', 'Killing', 'Container main failed liveness probe, will be restarted'],
    ['deaf', 'Pulled', 'Container image "agnhost:2.53" already present on machine (fairlead/agnhost)'],
    ['ill', 'Unhealthy', 'Readiness probe failed: HTTP probe failed with statuscode: 500'],
    ['slow-probe', 'Unhealthy', 'Readiness probe failed: command timed out: "sleep 30" timed out after 1s'],
    ['slow-probe', 'Pulled', 'Container image "debian:12" already present on machine (process)'],
    ['slow-probe', 'Created', 'Created container: main'],
    ['slow-probe', 'Started', 'Started container main'],
  ];
  for (const [pod, reason, text] of wanted) {
    const messages = () =>
      bed.api.events.filter((it) => it.pod === pod && it.reason === reason).map((it) => it.message);
    await until(
      `the event ${reason} of ${pod}`,
      () => messages().includes(text.replace('IP', bed.ip(pod))),
      () => messages().join('\n'),
    );
  }
  for (const uid of uids) bed.delete(uid, 0);
  await bed.gone(...uids);
});

test('while nobody can ask, a probe says nothing of its container', async () => {
  const server = `import net from 'node:net'; net.createServer((it) => it.end()).listen(8080)`;
  const probe = { tcpSocket: { port: 8080 }, periodSeconds: 1, failureThreshold: 1 };
  const uid = bed.run(
    'unasked',
    {
      volumes: [{ name: 'node', hostPath: { path: process.execPath } }],
      containers: [
        {
          ...sh(''),
          command: ['/opt/node', '--input-type=module', '-e', server],
          volumeMounts: [{ name: 'node', mountPath: '/opt/node' }],
          // Whoever starts slowly is not meant here.
          startupProbe: { ...probe, failureThreshold: 30 },
          readinessProbe: probe,
          livenessProbe: probe,
        },
      ],
    },
    HOST,
  );
  await bed.ready('unasked');
  const told = bed.api.events.length;
  await bed.stopWorkload('SIGKILL');
  await new Promise((resolve) => void setTimeout(resolve, 2500));
  await bed.startWorkload();
  assert.deepEqual(
    bed.api.events.slice(told).filter((it) => it.pod === 'unasked'),
    [],
  );
  assert.deepEqual([readyOf('unasked'), main('unasked')?.restartCount], ['True', 0]);
  bed.delete(uid, 0);
  await bed.gone(uid);
});

test('network probes come from the node: HTTP, TCP and gRPC', async () => {
  const probe = { periodSeconds: 1 };
  const uids = [
    bed.run('by-http', {
      containers: [
        {
          ...agnhost('netexec'),
          ports: [{ name: 'web', containerPort: 8080 }],
          readinessProbe: { httpGet: { path: '/healthz', port: 'web' }, ...probe },
        },
      ],
    }),
    bed.run('by-tcp', {
      containers: [{ ...agnhost('netexec'), readinessProbe: { tcpSocket: { port: 8080 }, ...probe } }],
    }),
    bed.run('by-grpc', {
      containers: [
        { ...agnhost('grpc-health-checking'), readinessProbe: { grpc: { port: 5000 }, ...probe } },
      ],
    }),
    bed.run('by-none', {
      containers: [{ ...agnhost('netexec'), readinessProbe: { tcpSocket: { port: 9999 }, ...probe } }],
    }),
  ];
  await bed.ready('by-http', 'by-tcp', 'by-grpc');
  assert.equal(readyOf('by-none'), 'False');
  bed.onNode('curl', '-s', `http://${bed.ip('by-grpc')}:8080/make-not-serving`);
  await until('not serving', () => readyOf('by-grpc') === 'False');
  for (const uid of uids) bed.delete(uid, 0);
  await bed.gone(...uids);
});

/** Ends the `sleep` of a pod's script from outside; resolves when the script, which goes on after it, has ended. */
async function endSleep(uid: string): Promise<void> {
  const { stdout } = bed.onNode('ip', 'netns', 'pids', path.basename(bed.netns(uid)));
  const pids = stdout.split('\n').filter((it) => it !== '').map(Number); // prettier-ignore
  const asleep = pids.filter((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n');
  assert.equal(asleep.length, 1);
  for (const pid of asleep) process.kill(pid, 'SIGKILL');
  await until('the end of the script', () => pids.every((pid) => !existsSync(`/proc/${pid}`)));
}

test('a new kubelet process adopts: nothing restarts, ends that nobody saw are noticed, deleted pods are taken away', async () => {
  const stays = bed.run('stays', { containers: [sh('echo first; exec sleep 1000')] }, HOST);
  const serves = bed.run('serves', { containers: [agnhost('netexec')] });
  const ends = bed.run('ends', { restartPolicy: 'Never', containers: [sh('sleep 1000; exit 9')] }, HOST);
  const goes = bed.run(
    'goes',
    { terminationGracePeriodSeconds: 1, containers: [sh('exec sleep 1000')] },
    HOST,
  );
  await bed.ready('stays', 'serves', 'ends', 'goes');
  const ids = ['stays', 'serves'].map((it) => main(it)?.containerID);
  await bed.stopKubelet();
  assert.equal(bed.onNode('curl', '-s', `http://${bed.ip('serves')}:8080/hostname`).stdout, 'serves');
  await endSleep(ends);
  bed.api.pods.delete(goes);
  await bed.startKubelet();
  await until('the unseen end', () => main('ends')?.state?.terminated?.exitCode === 9);
  await bed.gone(goes);
  await bed.ready('stays', 'serves');
  assert.deepEqual(
    ['stays', 'serves'].map((it) => main(it)?.containerID),
    ids,
  );
  assert.deepEqual(
    ['stays', 'serves'].map((it) => main(it)?.restartCount),
    [0, 0],
  );
  assert.equal(bed.onNode('ls', bed.netns(goes)).status, 2);
  for (const uid of [stays, serves, ends]) bed.delete(uid, 0);
  await bed.gone(stays, serves, ends);
});

test('a new kubelet process has what a crash left of attachments taken away, and nothing of the pods that live', async () => {
  const stays = bed.run('linked', { containers: [agnhost('netexec')] });
  await bed.ready('linked');
  await bed.stopKubelet();
  const stale = 'vdeadbeef00';
  bed.onNode('ip', 'link', 'add', stale, 'type', 'veth', 'peer', 'name', 'peer0');
  writeFileSync(`${bed.counter}.away`, '');
  await bed.startKubelet();
  // While the plugin asks for patience nothing new may be attached: it might be taken for a rest.
  const comes = bed.run('comes', { containers: [agnhost('netexec')] });
  await until('the plugin to ask for patience', () =>
    bed.api.events.some((it) => it.pod === 'comes' && /failed \(gc\): not now/.test(it.message)),
  );
  assert.equal(bed.onNode('ip', 'link', 'show', stale).status, 0);
  rmSync(`${bed.counter}.away`);
  await bed.ready('comes');
  assert.equal(bed.onNode('ip', 'link', 'show', stale).status, 1);
  for (const pod of ['linked', 'comes']) {
    assert.equal(bed.onNode('curl', '-s', `http://${bed.ip(pod)}:8080/hostname`).stdout, pod);
  }
  for (const uid of [stays, comes]) bed.delete(uid, 0);
  await bed.gone(stays, comes);
});

test('stand-ins come back when the workload process of the node dies', async () => {
  const uid = bed.run('again', { containers: [agnhost('netexec')] });
  await bed.ready('again');
  await bed.stopWorkload('SIGKILL');
  await bed.startWorkload();
  await until(
    'a restart',
    () => main('again')?.restartCount === 1 && main('again')?.state?.running !== undefined,
  );
  assert.equal(bed.onNode('curl', '-s', `http://${bed.ip('again')}:8080/hostname`).stdout, 'again');
  bed.delete(uid, 0);
  await bed.gone(uid);
});

test('stand-ins of a workload process that died while no kubelet looked come back', async () => {
  const uid = bed.run('missed', { containers: [agnhost('netexec')] });
  await bed.ready('missed');
  await bed.stopKubelet();
  await bed.stopWorkload('SIGKILL');
  await bed.startWorkload();
  await bed.startKubelet();
  await until(
    'a restart',
    () => main('missed')?.restartCount === 1 && main('missed')?.state?.running !== undefined,
  );
  assert.equal(bed.onNode('curl', '-s', `http://${bed.ip('missed')}:8080/hostname`).stdout, 'missed');
  bed.delete(uid, 0);
  await bed.gone(uid);
});

test('netexec /exit ends its container with that code, which is then started again', async () => {
  const uid = bed.run('exits', { containers: [agnhost('netexec')] });
  await bed.ready('exits');
  bed.onNode('curl', '-s', `http://${bed.ip('exits')}:8080/exit?code=3`);
  await until('a restart', () => main('exits')?.restartCount === 1);
  assert.equal(main('exits')?.lastState?.terminated?.exitCode, 3);
  bed.delete(uid, 0);
  await bed.gone(uid);
});

test("a sandbox that cannot be made is told with the plugin's words, holds nobody else back, and is tried again", async () => {
  writeFileSync(`${bed.counter}.fail`, '');
  const uid = bed.run('stuck', { containers: [agnhost('pause')] });
  const host = bed.run('hosted', {
    hostNetwork: true,
    containers: [agnhost('netexec', '--http-port=18080', '--udp-port=-1')],
  });
  const event = () =>
    bed.api.events.find((it) => it.pod === 'stuck' && it.reason === 'FailedCreatePodSandBox');
  await until('the event', () => event() !== undefined);
  assert.match(event()?.message ?? '', /no address left: as the test asked/);
  await bed.ready('hosted');
  assert.equal(bed.ip('hosted'), '192.0.2.1');
  assert.equal(bed.onNode('curl', '-s', 'http://127.0.0.1:18080/hostname').stdout, 'n1');
  rmSync(`${bed.counter}.fail`);
  await bed.ready('stuck');
  bed.delete(uid, 0);
  bed.delete(host, 0);
  await bed.gone(uid, host);
});

test('an image that cannot be one holds its container back, as a kubelet says it, until it is another one', async () => {
  const uid = bed.run('misnamed', { containers: [{ name: 'main', image: 'nginx:::' }] });
  await until('the verdict', () => main('misnamed')?.state?.waiting?.reason === 'InvalidImageName');
  const message =
    'Failed to apply default image tag "nginx:::": couldn\'t parse image name "nginx:::": invalid reference format';
  assert.equal(main('misnamed')?.state?.waiting?.message, message);
  assert.equal(bed.api.status('misnamed')?.phase, 'Pending');
  const events = bed.api.events.filter((it) => it.pod === 'misnamed').slice(0, 2);
  assert.deepEqual(
    events.map((it) => [it.type, it.reason, it.message]),
    [
      ['Warning', 'InspectFailed', message],
      ['Warning', 'Failed', 'Error: InvalidImageName'],
    ],
  );
  const pod = bed.api.pods.get(uid);
  assert.ok(pod);
  bed.put({ ...pod, spec: { ...pod.spec, containers: [{ name: 'main', image: 'nginx' }] } });
  await bed.ready('misnamed');
  bed.delete(uid, 0);
  await bed.gone(uid);
});

test('logs are followed until the container ends', async () => {
  const uid = bed.run(
    'talks',
    { restartPolicy: 'Never', containers: [sh('for i in 1 2 3; do echo $i; sleep 0.3; done')] },
    HOST,
  );
  await until('running', () => main('talks')?.state?.running !== undefined);
  const answer = await getText(bed.kubeletSocket, '/containerLogs/default/talks/main?follow=true');
  assert.equal(answer.text, '1\n2\n3\n');
  bed.delete(uid, 0);
  await bed.gone(uid);
});

test('a hundred pods come up, go, and leave nothing in either process', async () => {
  const round = async (count: number): Promise<number> => {
    const began = Date.now();
    const names = Array.from({ length: count }, (_, index) => `many-${began}-${index}`);
    const uids = names.map((name) =>
      bed.run(name, { containers: [{ name: 'main', image: 'x', ports: [{ containerPort: 80 }] }] }),
    );
    await bed.ready(...names);
    const tookMs = Date.now() - began;
    for (const uid of uids) bed.delete(uid, 0);
    await bed.gone(...uids);
    return tookMs;
  };
  await round(10);
  const before = bed.descriptors();
  const tookMs = await round(100);
  assert.ok(tookMs < 120_000, `100 pods took ${tookMs} ms`);
  await until(
    'descriptors to be closed',
    () => {
      const now = bed.descriptors();
      return now.kubelet <= before.kubelet + 3 && now.workload <= before.workload + 3;
    },
    () => JSON.stringify([before, bed.descriptors()]),
  );
});
