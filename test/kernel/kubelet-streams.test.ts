// Streams into real pods: ports forwarded to their loopback, and the streams of their own programs.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openSpdyExec, openWebSocketExec, type ExecCall, type ExecClient } from '../support/exec-client.ts';
import { KubeletBed, until } from '../support/kubelet-bed.ts';
import { getText } from '../support/kubelet-calls.ts';
import { connectPortForward, ForwardedPort } from '../support/port-forward-client.ts';

let bed: KubeletBed;
before(async () => {
  bed = await KubeletBed.open();
});
after(() => bed.close());

const REQUEST = 'GET /hostname HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n';

test('ports are forwarded to the loopback of the pod, and go with it', async () => {
  const uid = bed.run('web', { containers: [{ name: 'main', image: 'agnhost:2.53', args: ['netexec'] }] });
  await bed.ready('web');
  const call = { socketPath: bed.kubeletSocket, path: '/portForward/default/web' };
  for (const form of ['SPDY', 'WebSocket'] as const) {
    const client = await connectPortForward(form, call);
    const ports = Array.from({ length: 10 }, (_, i) => new ForwardedPort(client, 8080, i));
    for (const it of ports) it.write(REQUEST);
    const answers = await Promise.all(ports.map((it) => it.ended()));
    for (const it of answers) assert.match(it.toString(), /^HTTP\/1\.1 200 OK[^]*web$/);
    const none = new ForwardedPort(client, 81, 99);
    assert.equal(
      await none.error(),
      `error forwarding port 81 to pod web_default, uid ${uid}: failed to connect to localhost:81 inside of the pod, 127.0.0.1: connection refused, ::1: connection refused`,
    );
    client.vanish();
  }
  const before = bed.descriptors().kubelet;
  const client = await connectPortForward('SPDY', call);
  const open = new ForwardedPort(client, 8080, 0);
  open.write('GET / HTTP/1.1\r\n');
  bed.delete(uid, 0);
  await bed.gone(uid);
  await open.ended();
  const late = new ForwardedPort(client, 8080, 1);
  assert.match(await late.error(), /pod "web" not found on this node/);
  client.vanish();
  assert.ok(bed.descriptors().kubelet <= before + 2);
  await assert.rejects(connectPortForward('SPDY', call), /404 pod "web" not found/);
});

function attach(pod: string, call: Partial<ExecCall> = {}, open = openWebSocketExec): Promise<ExecClient> {
  return open({ socketPath: bed.kubeletSocket, path: `/attach/default/${pod}/main`, ...call });
}

async function says(client: ExecClient, expected: RegExp): Promise<void> {
  const heard = (): string => client.stdout().toString();
  await until(
    String(expected),
    () => expected.test(heard()),
    () => `in ${heard()} ${client.error()}`,
  );
}

/** A pod of one container of a shell image; `run` is a line for the shell. */
function shell(name: string, run: string, more: object = {}): string {
  const container = { name: 'main', image: 'busybox:1.36', command: ['sh', '-c', run], ...more };
  return bed.run(name, { restartPolicy: 'Never', terminationGracePeriodSeconds: 0, containers: [container] });
}

test('attach has both outputs of a process from now on, and its input until it ends', async () => {
  for (const open of [openWebSocketExec, openSpdyExec]) {
    const uid = shell('once', 'echo early; echo oops >&2; cat; echo over; echo bad >&2; exit 3', {
      stdin: true,
      stdinOnce: true,
    });
    await bed.ready('once');
    await until('early words', async () =>
      (await getText(bed.kubeletSocket, '/containerLogs/default/once/main')).text.includes('oops'),
    );
    const client = await attach('once', { stdin: true }, open);
    client.write(Buffer.from('typed\n'));
    await says(client, /^typed\n$/);
    client.endStdin();
    await client.closed;
    assert.deepEqual([client.stdout().toString(), client.stderr().toString()], ['typed\nover\n', 'bad\n']);
    assert.match(client.error(), /"status":"Success"/);
    const log = await getText(bed.kubeletSocket, '/containerLogs/default/once/main');
    assert.equal(log.text.split('\n').toSorted().join(' ').trim(), 'bad early oops over typed');
    bed.delete(uid, 0);
    await bed.gone(uid);
  }
});

test('several clients share a terminal, which outlives each of them', async () => {
  const uid = bed.run('term', {
    containers: [{ name: 'main', image: 'busybox:1.36', stdin: true, tty: true }],
  });
  await bed.ready('term');
  const first = await attach('term', { stdin: true, tty: true });
  first.resize(101, 41);
  first.write(Buffer.from('stty size; echo $((6*7))-first\n'));
  await says(first, /41 101\r\n42-first\r\n/);
  const second = await attach('term', { stdin: true, tty: true }, openSpdyExec);
  second.write(Buffer.from('echo $((7*7))-second\n'));
  await says(second, /49-second/);
  await says(first, /49-second/);
  first.vanish();
  second.write(Buffer.from('echo still-$((1+1)); exit\n'));
  await says(second, /still-2/);
  await second.closed;
  bed.delete(uid, 0);
  await bed.gone(uid);
});

test('input that nobody would read is refused, output of a stand-in is what it logs', async () => {
  const uids = [
    shell('deaf', 'exec tail -f /dev/null'),
    bed.run('web', { containers: [{ name: 'main', image: 'agnhost:2.53', args: ['netexec'], stdin: true }] }),
  ];
  await bed.ready('deaf', 'web');
  const deaf = await attach('deaf', { stdin: true });
  await deaf.closed;
  assert.match(deaf.error(), /error attaching to container: container .*deaf.* has no standard input/);
  const refused = await attach('web', { stdin: true }, openSpdyExec);
  await refused.closed;
  assert.match(refused.error(), /is a stand-in, which has no process to read standard input/);
  const output = await attach('web');
  await until('a request that is logged', () => {
    bed.onNode('curl', '-s', `http://${bed.ip('web')}:8080/hostname`);
    return output.stdout().includes('GET /hostname');
  });
  assert.ok(!output.stdout().includes('Started'));
  for (const uid of uids) bed.delete(uid, 0);
  await bed.gone(...uids);
  await output.closed;
  assert.match(output.error(), /"status":"Success"/);
});

test('a client that reads nothing is cut off, and one too many is turned away: the container goes on', async () => {
  const uid = shell(
    'loud',
    'read go; head -c 9000000 /dev/zero | tr "\\0" x; echo; echo all-said; exec tail -f /dev/null',
    {
      stdin: true,
    },
  );
  await bed.ready('loud');
  const clients = await Promise.all(Array.from({ length: 8 }, (_, i) => attach('loud', { stdin: i === 0 })));
  await until('one too many', async () => {
    const more = await attach('loud');
    await more.closed;
    return more.error().includes('too many clients');
  });
  clients[1]?.pause();
  clients[0]?.write(Buffer.from('go\n'));
  await until('its last words', () => clients[0]?.stdout().includes('all-said') === true);
  assert.equal(clients[0]?.stdout().length, 9_000_000 + '\nall-said\n'.length);
  for (const it of clients) it.vanish();
  bed.delete(uid, 0);
  await bed.gone(uid);
});
