// The thinnest line through the pod runtime on the real kernel: a stand-in and an agnhost pod come up, are reached, exec'd, logged,
// and go without a trace.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { KubeletBed } from '../support/kubelet-bed.ts';
import { exec as execCall, getText, type ExecAnswer } from '../support/kubelet-calls.ts';

let bed: KubeletBed;
before(async () => {
  bed = await KubeletBed.open();
});
after(() => bed.close());

const exec = (pod: string, container: string, command: string[], stdin?: string): Promise<ExecAnswer> =>
  execCall(bed.kubeletSocket, { pod, container, command, ...(stdin !== undefined && { stdin }) });
const logs = (path: string): ReturnType<typeof getText> =>
  getText(bed.kubeletSocket, `/containerLogs/default/${path}`);

const AGNHOST = 'registry.k8s.io/e2e-test-images/agnhost:2.53';

test('an agnhost pod and a stand-in serve, exec, log, and go', async () => {
  const web = bed.run('web', {
    containers: [{ name: 'main', image: AGNHOST, args: ['netexec', '--http-port=8080', '--udp-port=8081'] }],
  });
  const db = bed.run('db', {
    containers: [{ name: 'main', image: 'postgres:16', ports: [{ containerPort: 5432 }] }],
  });
  await bed.ready('web', 'db');
  assert.equal(bed.onNode('curl', '-sg', `http://${bed.ip('web')}:8080/hostname`).stdout, 'web');
  const ip6 = bed.api.status('web')?.podIPs?.[1]?.ip ?? '';
  assert.equal(bed.onNode('curl', '-sg', `http://[${ip6}]:8080/echo?msg=six`).stdout, 'six');
  assert.match(
    bed.onNode('curl', '-s', `http://${bed.ip('db')}:5432/`).stdout,
    /pod: db[\s\S]*standIn: true/,
  );

  const dial = `http://${bed.ip('web')}:8080/dial?host=${bed.ip('db')}&port=5432&request=x&tries=2`;
  const dialled = JSON.parse(bed.onNode('curl', '-s', dial).stdout) as { responses: string[] };
  assert.equal(dialled.responses.length, 2);
  assert.match(dialled.responses[0] ?? '', new RegExp(`client: ${bed.ip('web').replaceAll('.', '\\.')}:`));

  const curl = await exec('web', 'main', ['curl', '-s', `http://${bed.ip('db')}:5432/hello`]);
  assert.match(curl.stdout, /path: \/hello/);
  assert.equal(curl.status.status, 'Success');
  const facts = await exec('web', 'main', [
    'sh',
    '-c',
    'cat /etc/resolv.conf; hostname; echo oops >&2; exit 3',
  ]);
  const [search = '', nameserver, options, hostname] = facts.stdout.split('\n');
  assert.ok(search.startsWith('search default.svc.cluster.local svc.cluster.local cluster.local'));
  assert.deepEqual([nameserver, options, hostname], ['nameserver 10.96.0.10', 'options ndots:5', 'web']);
  assert.equal(facts.stderr, 'oops\n');
  assert.deepEqual(
    [facts.status.reason, facts.status.details?.causes?.[0]?.message],
    ['NonZeroExitCode', '3'],
  );
  assert.equal((await exec('web', 'main', ['tr', 'a-z', 'A-Z'], 'shout\n')).stdout, 'SHOUT\n');
  assert.equal((await exec('web', 'main', ['no-such-program'])).status.reason, 'InternalError');

  const reach = await exec('web', 'main', ['/agnhost', 'connect', '--timeout=2s', `${bed.ip('db')}:5432`]);
  assert.deepEqual([reach.stderr, reach.status.status], ['', 'Success']);
  const refused = await exec('web', 'main', ['/agnhost', 'connect', '--timeout=2s', `${bed.ip('db')}:1`]);
  assert.deepEqual([refused.stderr, refused.status.reason], ['REFUSED\n', 'NonZeroExitCode']);

  const tail = await logs('db/main?tailLines=2');
  assert.match(tail.text, /GET \/hello from 10\.77\.1\./);
  assert.equal(tail.text.split('\n').length, 3);
  assert.equal((await logs('nobody/main')).status, 404);

  const status = bed.api.status('web');
  assert.equal(status?.phase, 'Running');
  assert.equal(status?.containerStatuses?.[0]?.restartCount, 0);
  bed.delete(web);
  bed.delete(db, 0);
  await bed.gone(web, db);
});
