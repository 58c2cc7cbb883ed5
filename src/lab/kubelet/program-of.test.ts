import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container, Pod, PodSpec } from '../../objects/api-types.ts';
import { programOf, runnerOf, showsOwnRoot } from './program-of.ts';
import { commandLine } from './shell-images.ts';

function aPod(spec: Partial<PodSpec>, annotations: Readonly<Record<string, string>> = {}): Pod {
  const metadata = {
    name: 'p',
    namespace: 'n',
    uid: 'u',
    resourceVersion: '1',
    creationTimestamp: '',
    annotations,
  };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [], ...spec } };
}

function programIn(pod: Pod, container: Container): unknown {
  return programOf({ pod, container, command: container.command ?? [], args: container.args ?? [] });
}

test('programOf() knows images by the last part of their name and is a stand-in otherwise', () => {
  const of = (image: string, command: string[] = [], args: string[] = []): unknown =>
    programIn(aPod({}), { name: 'c', image, command, args });
  assert.deepEqual(of('agnhost', [], ['netexec', '--http-port=80']), {
    kind: 'agnhost',
    command: 'netexec',
    args: ['--http-port=80'],
  });
  assert.deepEqual(of('agnhost', ['/agnhost', 'connect'], ['a:1']), {
    kind: 'agnhost',
    command: 'connect',
    args: ['a:1'],
  });
  assert.deepEqual(of('agnhost'), { kind: 'agnhost', command: 'pause', args: [] });
  assert.deepEqual(of('busybox', ['sh', '-c', 'sleep 3600']), { kind: 'sleep', seconds: 3600 });
  assert.deepEqual(of('busybox', ['sleep'], ['2m']), { kind: 'sleep', seconds: 120 });
  assert.deepEqual(of('alpine', ['sleep', 'infinity']), { kind: 'sleep', seconds: undefined });
  assert.deepEqual(of('postgres:16'), { kind: 'stand-in', endsAtOnce: false });
  assert.deepEqual(of('hashicorp/http-echo', [], ['-text=a', '-listen=:99']), {
    kind: 'echo',
    text: 'a',
    ports: [99],
  });
});

test('programOf() lets a stand-in end at once where others wait for its end, not where it runs beside them', () => {
  const init: Container = { name: 'i', image: 'migrate:1' };
  // The field came after the schema package's version.
  const sidecar = { ...init, name: 's', restartPolicy: 'Always' };
  const pod = aPod({ initContainers: [init, sidecar], containers: [{ name: 'm', image: 'migrate:1' }] });
  const ends = [init, sidecar, { name: 'm', image: 'migrate:1' }].map((it) => programIn(pod, it));
  assert.deepEqual(ends, [
    { kind: 'stand-in', endsAtOnce: true },
    { kind: 'stand-in', endsAtOnce: false },
    { kind: 'stand-in', endsAtOnce: false },
  ]);
});

test("programOf() lets the stand-ins of a Job's pod end: the Job waits for them", () => {
  const container: Container = { name: 'm', image: 'migrate:1' };
  const pod = aPod({ containers: [container] });
  const ownerReferences = [{ apiVersion: 'batch/v1', kind: 'Job', name: 'j', uid: 'j', controller: true }];
  const ofJob = { ...pod, metadata: { ...pod.metadata, ownerReferences } };
  assert.deepEqual(programIn(ofJob, container), { kind: 'stand-in', endsAtOnce: true });
});

test('runnerOf() makes processes of containers that the annotation names', () => {
  const runners = (value: string) =>
    ['a', 'b'].map((name) => runnerOf(aPod({}, { 'fairlead.dev/host-programs': value }), { name }));
  assert.deepEqual(runners('true'), ['process', 'process']);
  assert.deepEqual(runners('b, c'), ['workload', 'process']);
  assert.deepEqual(runners('false'), ['workload', 'workload']);
});

test('runnerOf() makes processes of shell images that have something to run', () => {
  const rows: readonly (readonly [string, Omit<Container, 'name'>, 'process' | 'workload'])[] = [
    ['a command', { image: 'busybox', command: ['true'] }, 'process'],
    ['arguments alone', { image: 'docker.io/library/alpine:3', args: ['sh', '-c', 'exit 1'] }, 'process'],
    ['sleep and more', { image: 'alpine', command: ['sh', '-c', 'sleep 1; rm -rf /'] }, 'process'],
    ['a flag for the entry point', { image: 'curlimages/curl', args: ['-s', 'http://x'] }, 'process'],
    ['sleep alone', { image: 'busybox', command: ['sleep', '3'] }, 'workload'],
    ['nothing', { image: 'busybox' }, 'workload'],
    ['a prompt', { image: 'busybox', command: ['/bin/sh'], stdin: true }, 'process'],
    ['the prompt of the image itself', { image: 'busybox', stdin: true }, 'process'],
    ['the same without input', { image: 'busybox' }, 'workload'],
    ['a shell without input', { image: 'busybox', command: ['sh'] }, 'process'],
    ['another image', { image: 'postgres', command: ['true'] }, 'workload'],
    ['a web image', { image: 'nginx' }, 'workload'],
    ['its server', { image: 'nginx', command: ['nginx', '-g', 'daemon off;'] }, 'workload'],
    ['its server behind a script', { image: 'nginx', command: ['sh', '-c', 'a && exec nginx'] }, 'workload'],
    ['its server by path', { image: 'httpd', args: ['/usr/sbin/httpd', '-X'] }, 'workload'],
    ['flags of its server', { image: 'nginx', args: ['-g', 'daemon off;'] }, 'workload'],
    ['its files', { image: 'nginx', command: ['ls', '/usr/share/nginx/html'] }, 'process'],
  ];
  for (const [name, container, runner] of rows) {
    assert.equal(runnerOf(aPod({}), { name: 'c', ...container }), runner, name);
  }
  const init: Container = { name: 'i', image: 'nginx', command: ['cp', '-r', '/etc/nginx', '/v'] };
  assert.equal(runnerOf(aPod({ initContainers: [init] }), init), 'process');
});

test('runnerOf() leaves what could change the machine itself to the annotation', () => {
  const of = (securityContext: NonNullable<Container['securityContext']>, annotation = ''): string => {
    const container = { name: 'c', image: 'busybox', command: ['sysctl', '-w', 'vm.x=1'], securityContext };
    return runnerOf(aPod({}, { 'fairlead.dev/host-programs': annotation }), container);
  };
  const adding = (...add: string[]) => ({ capabilities: { add } });
  assert.deepEqual(
    [
      of({ privileged: true }),
      of(adding('SYS_ADMIN')),
      of(adding('CAP_SYS_TIME')),
      of(adding('ALL')),
      of({ privileged: true }, 'true'),
      of({ privileged: false }),
      of(adding('NET_ADMIN', 'CAP_NET_RAW')),
    ],
    ['workload', 'workload', 'workload', 'workload', 'process', 'process', 'process'],
  );
});

test("runnerOf() leaves the machine's own files to the annotation, where they can be written", () => {
  const of = (mounts: Container['volumeMounts']): string => {
    const pod = aPod({
      volumes: [
        { name: 'own', emptyDir: {} },
        { name: 'machine', hostPath: { path: '/srv' } },
      ],
    });
    return runnerOf(pod, {
      name: 'c',
      image: 'busybox',
      command: ['touch', '/v/x'],
      volumeMounts: mounts ?? [],
    });
  };
  assert.equal(of([{ name: 'machine', mountPath: '/v' }]), 'workload');
  assert.equal(of([{ name: 'machine', mountPath: '/v', readOnly: true }]), 'process');
  assert.equal(of([{ name: 'own', mountPath: '/v' }]), 'process');
});

test("runnerOf() takes the node's whole root for the container's own, which goes with it", () => {
  const container = (mount: object = {}): Container => ({
    name: 'debugger',
    image: 'busybox',
    stdin: true,
    volumeMounts: [{ name: 'host-root', mountPath: '/host', ...mount }],
  });
  const pod = (path: string, annotations = {}): Pod =>
    aPod(
      { hostNetwork: true, hostPID: true, volumes: [{ name: 'host-root', hostPath: { path } }] },
      annotations,
    );
  assert.deepEqual(
    [
      runnerOf(pod('/'), container()),
      runnerOf(pod('/etc'), container()),
      runnerOf(pod('/'), container({ subPath: 'etc' })),
      runnerOf(pod('/../etc'), container()),
      runnerOf(pod('/'), { ...container(), securityContext: { privileged: true } }),
    ],
    ['process', 'workload', 'workload', 'workload', 'workload'],
  );
  const shown = (of: Pod, it: Container): boolean => showsOwnRoot(of, it, (it.volumeMounts ?? [])[0]!);
  assert.equal(shown(pod('/'), container()), true);
  // To be read it is the machine's own, and so it is for whom the annotation lets write there.
  assert.equal(shown(pod('/'), container({ readOnly: true })), false);
  assert.equal(shown(pod('/', { 'fairlead.dev/host-programs': 'true' }), container()), false);
});

test('commandLine() puts the program of the entry point before flags', () => {
  const of = (image: string, command: string[], args: string[]): string =>
    commandLine({ name: 'c', image }, command, args).join(' ');
  assert.equal(of('curlimages/curl:8', [], ['-s', 'x']), 'curl -s x');
  assert.equal(of('curlimages/curl:8', [], ['sleep', '1']), 'sleep 1');
  assert.equal(of('bash:5', ['sh'], ['-c', 'x']), 'sh -c x');
});
