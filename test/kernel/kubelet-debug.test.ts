// Ephemeral containers on real pods: they come beside what runs, see the processes of their target, run once, and go with the pod.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { PodSpec, PodStatus } from '../../src/objects/api-types.ts';
import { openWebSocketExec, type ExecClient } from '../support/exec-client.ts';
import { KubeletBed, until } from '../support/kubelet-bed.ts';
import { exec } from '../support/kubelet-calls.ts';

let bed: KubeletBed;
before(async () => {
  bed = await KubeletBed.open();
});
after(() => bed.close());

type Debugger = NonNullable<PodSpec['ephemeralContainers']>[number];
type State = NonNullable<NonNullable<PodStatus['ephemeralContainerStatuses']>[number]['state']>;

/** As the API has the pod after an addition. */
function debug(uid: string, ...added: Debugger[]): void {
  const pod = bed.api.pods.get(uid);
  assert.ok(pod?.spec);
  const ephemeralContainers = [...(pod.spec.ephemeralContainers ?? []), ...added];
  bed.put({ ...pod, spec: { ...pod.spec, ephemeralContainers } });
}

function state(pod: string, name: string): State | undefined {
  return bed.api.status(pod)?.ephemeralContainerStatuses?.find((it) => it.name === name)?.state;
}

async function attach(pod: string, container: string): Promise<ExecClient> {
  const path = `/attach/default/${pod}/${container}`;
  await until(`${container} to run`, () => state(pod, container)?.running !== undefined);
  return openWebSocketExec({ socketPath: bed.kubeletSocket, path, stdin: true, tty: true });
}

const SHELL = { image: 'busybox:1.36', stdin: true, tty: true };

test('a debugger sees the processes and the network of its target, and runs once', async () => {
  const uid = bed.run('app', {
    terminationGracePeriodSeconds: 0,
    containers: [{ name: 'main', image: 'busybox:1.36', command: ['sh', '-c', 'exec tail -f /dev/null'] }],
  });
  await bed.ready('app');
  debug(uid, { name: 'debugger', targetContainerName: 'main', ...SHELL });
  const client = await attach('app', 'debugger');
  client.write(Buffer.from('tr "\\0" " " < /proc/1/cmdline; ls /sys/class/net; (sleep 1000 &) ; exit 4\n'));
  await client.closed;
  assert.match(client.stdout().toString(), /tail -f \/dev\/null[^]*eth0/);
  await until('its end', () => state('app', 'debugger')?.terminated !== undefined);
  assert.equal(state('app', 'debugger')?.terminated?.exitCode, 4);
  // What it left running went with it (as a zombie, where the target does not reap), and its end is not that of the pod.
  const look = 'cat /proc/[0-9]*/cmdline | tr "\\0" " "';
  const left = await exec(bed.kubeletSocket, { pod: 'app', command: ['sh', '-c', look] });
  assert.ok(left.stdout.includes('tail'), left.stdout);
  assert.ok(!left.stdout.includes('sleep 1000'), left.stdout);
  const { phase, containerStatuses, ephemeralContainerStatuses } = bed.api.status('app') ?? {};
  assert.deepEqual(
    [phase, containerStatuses?.[0]?.ready, containerStatuses?.[0]?.restartCount],
    ['Running', true, 0],
  );
  const [own] = ephemeralContainerStatuses ?? [];
  assert.deepEqual([own?.ready, own?.restartCount], [false, 0]);

  debug(uid, { name: 'alone', ...SHELL });
  const alone = await attach('app', 'alone');
  alone.write(Buffer.from('echo pid-$$-\n'));
  await until('words', () => /pid-1-/.test(alone.stdout().toString()));
  bed.delete(uid, 0);
  await alone.closed;
  await bed.gone(uid);
});

test('a pod that does not get to its start can be looked into, a stand-in has no processes to show', async () => {
  const uid = bed.run('stuck', {
    terminationGracePeriodSeconds: 0,
    initContainers: [
      { name: 'init', image: 'busybox:1.36', command: ['sh', '-c', 'exec tail -f /dev/null'] },
    ],
    containers: [{ name: 'main', image: 'nginx' }],
  });
  await until(
    'init',
    () => bed.api.status('stuck')?.initContainerStatuses?.[0]?.state?.running !== undefined,
  );
  debug(uid, { name: 'early', image: 'busybox:1.36', command: ['sh', '-c', 'echo here; exit 0'] });
  await until('its end', () => state('stuck', 'early')?.terminated?.exitCode === 0);
  assert.equal(bed.api.status('stuck')?.phase, 'Pending');
  // Its target is waited for.
  debug(uid, { name: 'late', targetContainerName: 'main', ...SHELL });
  await until('a word', () =>
    /unable to find target container/.test(state('stuck', 'late')?.waiting?.message ?? ''),
  );
  bed.delete(uid, 0);
  await bed.gone(uid);

  const web = bed.run('web', { containers: [{ name: 'main', image: 'nginx' }] });
  await bed.ready('web');
  debug(web, { name: 'debugger', targetContainerName: 'main', ...SHELL });
  const client = await attach('web', 'debugger');
  client.write(Buffer.from('curl -s localhost; exit\n'));
  await client.closed;
  assert.match(client.stdout().toString(), /pod: web|nginx|web/);
  bed.delete(web, 0);
  await bed.gone(web);
});

test('a debugger of the node has its network and name, and its files at /host: what is written there goes with it', async () => {
  const uid = bed.run('node-debugger', {
    hostNetwork: true,
    hostPID: true,
    hostIPC: true,
    restartPolicy: 'Never',
    terminationGracePeriodSeconds: 0,
    volumes: [{ name: 'host-root', hostPath: { path: '/', type: '' } }],
    containers: [{ name: 'debugger', volumeMounts: [{ name: 'host-root', mountPath: '/host' }], ...SHELL }],
  });
  await bed.ready('node-debugger');
  const client = await openWebSocketExec({
    socketPath: bed.kubeletSocket,
    path: '/attach/default/node-debugger/debugger',
    stdin: true,
    tty: true,
  });
  const marker = `${bed.folder}/written`;
  const lines = [
    'test -t 0 && echo on-$(hostname)',
    'echo inode=$(stat -Lc %i /proc/self/ns/net)=',
    `echo mine > /host${marker} && cat /host${marker}`,
    'chroot /host sh -c "cat /etc/passwd | grep -c ^root:; ls /proc/self/comm /dev/null"',
    // Folders that no process of a pod may see are not there either.
    'echo hidden=$(ls -A /host/root | wc -l)=',
    'exit 6',
  ];
  client.write(Buffer.from(`${lines.join('\n')}\n`));
  await client.closed;
  // Without the terminal's prompts.
  const said = client.stdout().toString().replaceAll('\r', '').replaceAll(/^# /gm, '');
  assert.match(said, /^on-n1$/m);
  const { stdout: inode } = bed.onNode('stat', '-Lc', '%i', '/proc/self/ns/net');
  assert.match(said, new RegExp(`^inode=${inode.trim()}=$`, 'm'));
  assert.match(said, /^mine\n1\n\/dev\/null +\/proc\/self\/comm$/m);
  assert.match(said, /^hidden=0=$/m);
  assert.equal(existsSync(marker), false);
  await until('its end', () => bed.api.status('node-debugger')?.phase === 'Failed');
  assert.equal(bed.api.status('node-debugger')?.containerStatuses?.[0]?.state?.terminated?.exitCode, 6);
  bed.delete(uid, 0);
  await bed.gone(uid);
});

test("files of the machine that a pod reads are read: its devices cannot be opened there, the container's own can", async () => {
  const uid = bed.run('reader', {
    terminationGracePeriodSeconds: 0,
    volumes: [{ name: 'host-root', hostPath: { path: '/' } }],
    containers: [
      {
        name: 'main',
        image: 'busybox:1.36',
        command: ['sh', '-c', 'exec tail -f /dev/null'],
        volumeMounts: [{ name: 'host-root', mountPath: '/host', readOnly: true }],
      },
    ],
  });
  await bed.ready('reader');
  const look =
    'for it in /host/dev/zero /dev/zero; do head -c 1 $it >/dev/null 2>&1; echo $?; done; cat /host/etc/passwd | grep -c ^root:';
  const { stdout } = await exec(bed.kubeletSocket, { pod: 'reader', command: ['sh', '-c', look] });
  assert.equal(stdout, '1\n0\n1\n');
  bed.delete(uid, 0);
  await bed.gone(uid);
});
