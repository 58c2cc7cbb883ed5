// Streams into real pods: ports forwarded to their loopback.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { KubeletBed } from '../support/kubelet-bed.ts';
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
