// The programs that stand-ins run, each reached with real packets from the node or from another pod.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Container } from '../../src/objects/api-types.ts';
import { KubeletBed, until } from '../support/kubelet-bed.ts';
import { getText } from '../support/kubelet-calls.ts';
import { scaledMs } from '../support/time-scale.ts';

let bed: KubeletBed;
before(async () => {
  bed = await KubeletBed.open();
});
after(() => bed.close());

function agnhost(...args: string[]): Container {
  return { name: 'main', image: 'agnhost:2.53', args };
}

function curl(...args: string[]): string {
  return bed.onNode('curl', '-s', '-m', '5', ...args).stdout;
}

async function logsOf(pod: string): Promise<string> {
  return (await getText(bed.kubeletSocket, `/containerLogs/default/${pod}/main`)).text;
}

/** Runs code in a Node process on the node's namespace: for what curl cannot ask. */
function onNode(code: string): string {
  return bed.onNode(process.execPath, '--input-type=module', '-e', code).stdout;
}

function udp(host: string, port: number, text: string): string {
  return onNode(`import dgram from 'node:dgram';
    const socket = dgram.createSocket('${host.includes(':') ? 'udp6' : 'udp4'}');
    socket.on('message', (data) => { process.stdout.write(data); socket.close(); });
    setTimeout(() => process.exit(1), ${scaledMs(3000)}).unref();
    socket.send(${JSON.stringify(text)}, ${port}, '${host}');`);
}

function tcp(host: string, port: number, text: string): string {
  return onNode(`import net from 'node:net';
    const socket = net.connect(${port}, '${host}', () => { if (${JSON.stringify(text)} !== '') socket.write(${JSON.stringify(text)}); });
    socket.on('data', (data) => process.stdout.write(data));
    socket.on('error', (error) => process.stdout.write(error.code));
    setTimeout(() => process.exit(0), 1500);`);
}

/** The exit code and log of a pod that runs once. */
async function once(
  name: string,
  container: Container,
): Promise<{ readonly code: number | undefined; readonly log: string }> {
  const uid = bed.run(name, { restartPolicy: 'Never', containers: [container] });
  const state = (): { exitCode?: number } | undefined =>
    bed.api.status(name)?.containerStatuses?.[0]?.state?.terminated;
  await until(`${name} to end`, () => state() !== undefined);
  const result = { code: state()?.exitCode, log: await logsOf(name) };
  bed.delete(uid, 0);
  await bed.gone(uid);
  return result;
}

test('netexec answers over HTTP and UDP in both families', async () => {
  const uid = bed.run('net', { containers: [agnhost('netexec')] });
  await bed.ready('net');
  const [ip4, ip6] = (bed.api.status('net')?.podIPs ?? []).map((it) => it.ip ?? '');
  const at = `http://${ip4}:8080`;
  assert.match(curl(`${at}/`), /^NOW: /);
  assert.match(curl(`${at}/clientip`), /^169\.254\.1\.1:\d+$/);
  assert.equal(curl('-w', '%{http_code}', `${at}/echo?msg=a%20b&code=418`), 'a b418');
  assert.equal(
    curl(
      '-o',
      '/dev/null',
      '-w',
      '%{http_code} %{redirect_url}',
      `${at}/redirect?location=/echo%3Fmsg=x&code=307`,
    ),
    `307 ${at}/echo?msg=x`,
  );
  assert.equal(curl('-H', 'X-Test: yes', `${at}/header?key=X-Test`), 'yes');
  assert.equal(curl(`${at}/serverport`), '8080');
  assert.equal(
    curl('-o', '/dev/null', '-w', '%{http_code}', `${at}/dial?host=x&port=1&request=y&protocol=smoke`),
    '400',
  );
  assert.equal(udp(ip4 ?? '', 8081, 'hostname\n'), 'net');
  assert.equal(udp(ip6 ?? '', 8081, 'echo Hello World'), 'Hello World');
  assert.match(udp(ip4 ?? '', 8081, 'clientip'), /^169\.254\.1\.1:\d+$/);
  const dial = (query: string): unknown => JSON.parse(curl(`${at}/dial?${query}`));
  assert.deepEqual(dial(`host=${ip4}&port=8081&protocol=udp&request=hostname&tries=2`), {
    responses: ['net', 'net'],
  });
  const failed = dial(`host=${ip4}&port=1&request=hostname`) as { errors: string[] };
  assert.match(failed.errors[0] ?? '', /ECONNREFUSED/);
  // What the kernel lets nobody connect to is an answer like any other: the process serves all pods of the node.
  const nowhere = dial('host=255.255.255.255&port=53&protocol=udp&request=hostname') as { errors: string[] };
  assert.match(nowhere.errors[0] ?? '', /255\.255\.255\.255/);
  assert.equal(curl(`${at}/hostname`), 'net');
  bed.delete(uid, 0);
  await bed.gone(uid);
});

test('serve-hostname, porter and tcp-reset serve as they are told', async () => {
  const uids = [
    bed.run('host-http', { containers: [agnhost('serve-hostname', '--close')] }),
    bed.run('host-raw', {
      containers: [agnhost('serve-hostname', '--http=false', '--tcp', '--udp', '--port=9000')],
    }),
    bed.run('port', {
      containers: [
        {
          ...agnhost('porter', '--json-response'),
          env: [
            { name: 'SERVE_PORT_81', value: 'eighty-one' },
            { name: 'SERVE_UDP_PORT_82', value: 'by-udp' },
          ],
        },
      ],
    }),
    bed.run('reset', { containers: [agnhost('tcp-reset', '--port=7000')] }),
  ];
  await bed.ready('host-http', 'host-raw', 'port', 'reset');
  assert.match(curl('-i', `http://${bed.ip('host-http')}:9376/`), /connection: close[\s\S]*host-http$/i);
  assert.equal(tcp(bed.ip('host-raw'), 9000, ''), 'host-raw');
  assert.equal(udp(bed.ip('host-raw'), 9000, 'x'), 'host-raw');
  assert.equal(curl('-X', 'PUT', `http://${bed.ip('port')}:81/`), '{"Method":"PUT","Body":"eighty-one"}');
  assert.equal(udp(bed.ip('port'), 82, 'x'), 'by-udp');
  assert.equal(tcp(bed.ip('reset'), 7000, '12'), 'ECONNRESET');
  for (const uid of uids) bed.delete(uid, 0);
  await bed.gone(...uids);
});

test('commands that end: connect says why in fixed words, dns-suffix and others print what the pod has', async () => {
  const target = bed.run('target', { containers: [agnhost('netexec')] });
  await bed.ready('target');
  const ip = bed.ip('target');
  const rows: readonly (readonly [string, Container, number, RegExp])[] = [
    ['connect-ok', agnhost('connect', '--timeout=3s', `${ip}:8080`), 0, /^$/],
    ['connect-refused', agnhost('connect', '--timeout=3s', `${ip}:1`), 1, /^REFUSED\n$/],
    ['connect-timeout', agnhost('connect', '--timeout=1s', '192.0.2.99:80'), 1, /^(TIMEOUT|OTHER: .*)\n$/],
    ['connect-udp', agnhost('connect', '--timeout=3s', '--protocol=udp', `${ip}:8081`), 0, /^$/],
    ['connect-bad', agnhost('connect', 'nonsense'), 1, /^UNKNOWN: /],
    ['connect-dns', agnhost('connect', '--timeout=1s', 'no-such-name.:80'), 1, /^DNS: /],
    ['suffix', agnhost('dns-suffix'), 0, /^default\.svc\.cluster\.local,svc\.cluster\.local,cluster\.local/],
    ['servers', agnhost('dns-server-list'), 0, /^10\.96\.0\.10\n$/],
    ['hosts', agnhost('etc-hosts'), 0, /# Kubernetes-managed hosts file\.\n127\.0\.0\.1\tlocalhost/],
    ['entry', agnhost('entrypoint-tester', 'a', 'b'), 0, /^\[\/agnhost entrypoint-tester a b\]\n$/],
    [
      'lines',
      agnhost('logs-generator', '--log-lines-total=50', '--run-duration=100ms'),
      0,
      /Z 49 PUT \/api\/v1\/namespaces\//,
    ],
    [
      'unknown',
      agnhost('no-such-command'),
      1,
      /Cannot run agnhost no-such-command: this workload knows connect, /,
    ],
    ['sleeper', { name: 'main', image: 'busybox:1.36', command: ['sleep', '0.2'] }, 0, /^$/],
  ];
  await Promise.all(
    rows.map(async ([name, container, code, log]) => {
      const result = await once(name, container);
      assert.equal(result.code, code, `${name}: ${result.log}`);
      assert.match(result.log, log, name);
    }),
  );
  bed.delete(target, 0);
  await bed.gone(target);
});

test('web servers show mounted pages, echo servers the request, stand-ins who they are', async () => {
  bed.api.configMaps.set('default/html', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'html', namespace: 'default', uid: 'h', resourceVersion: '1', creationTimestamp: '' },
    data: { 'index.html': '<h1>hello</h1>', 'a.css': 'x{}' },
  });
  const port = (containerPort: number, protocol?: string) => ({
    containerPort,
    ...(protocol !== undefined && { protocol }),
  });
  const uids = [
    bed.run('pages', {
      volumes: [{ name: 'html', configMap: { name: 'html' } }],
      containers: [
        {
          name: 'main',
          image: 'docker.io/library/nginx:1.27',
          volumeMounts: [{ name: 'html', mountPath: '/usr/share/nginx/html' }],
        },
      ],
    }),
    bed.run('plain', { containers: [{ name: 'main', image: 'nginx' }] }),
    bed.run('says', {
      containers: [{ name: 'main', image: 'hashicorp/http-echo', args: ['-text=hi', '-listen=:5000'] }],
    }),
    bed.run('echoes', { containers: [{ name: 'main', image: 'k8s.gcr.io/echoserver:1.4' }] }),
    bed.run('db', {
      containers: [
        { name: 'main', image: 'mysql:8', ports: [port(3306), port(53, 'UDP'), port(99, 'SCTP')] },
      ],
    }),
  ];
  await bed.ready('pages', 'plain', 'says', 'echoes', 'db');
  assert.equal(curl(`http://${bed.ip('pages')}/`), '<h1>hello</h1>');
  assert.equal(
    curl('-o', '/dev/null', '-w', '%{http_code} %{content_type}', `http://${bed.ip('pages')}/a.css`),
    '200 text/css',
  );
  for (const hostile of [
    '/../../../../etc/passwd',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/..%2f..%2fetc/passwd',
    '/%',
  ]) {
    assert.equal(
      curl('--path-as-is', '-o', '/dev/null', '-w', '%{http_code}', `http://${bed.ip('pages')}${hostile}`),
      '404',
      hostile,
    );
  }
  assert.match(
    curl(`http://${bed.ip('plain')}/`),
    /Pod plain in namespace default on node n1: stand-in for nginx/,
  );
  assert.equal(curl(`http://${bed.ip('says')}:5000/any`), 'hi\n');
  assert.match(curl('-d', 'body', `http://${bed.ip('echoes')}:8080/p`), /"path": "\/p"[\s\S]*"body": "body"/);
  const line = 'pod db, namespace default, node n1, stand-in for mysql:8\n';
  assert.equal(tcp(bed.ip('db'), 3306, ''), line);
  assert.equal(tcp(bed.ip('db'), 3306, 'ping\n'), `${line}ping\n`);
  assert.equal(udp(bed.ip('db'), 53, 'x'), 'db: x');
  assert.match(await logsOf('db'), /port 99\/SCTP is not served/);
  for (const uid of uids) bed.delete(uid, 0);
  await bed.gone(...uids);
});

test('two containers of a pod share its network; a port that is taken ends the second one', async () => {
  const web = (name: string) => ({ ...agnhost('netexec', '--udp-port=-1'), name });
  const uid = bed.run('two', { containers: [web('main'), web('second')] });
  await until('the clash', () => (bed.api.status('two')?.containerStatuses?.[1]?.restartCount ?? 0) > 0);
  assert.equal(curl(`http://${bed.ip('two')}:8080/hostname`), 'two');
  assert.equal(bed.api.status('two')?.containerStatuses?.[0]?.restartCount, 0);
  const text = (await getText(bed.kubeletSocket, '/containerLogs/default/two/second?previous=true')).text;
  assert.match(text, /address already in use/);
  bed.delete(uid, 0);
  await bed.gone(uid);
});
