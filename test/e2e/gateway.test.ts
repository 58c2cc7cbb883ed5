// The example's Gateway as its users meet it, from the host by the load balancer's address: HTTPS, a canary by weight and by header, a mirror, and what
// goes on while the proxy, its control or a certificate is another one.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { request, type RequestOptions } from 'node:https';
import { get } from 'node:http';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RouteReport } from '../../src/gateway/why/report.ts';
import { clusterName, fairlead, kubectl } from '../support/cluster.ts';
import { DatagramClient } from '../support/datagram-client.ts';
import { eventually } from '../support/eventually.ts';
import { changedLines, machinePicture, type MachinePicture } from '../support/machine.ts';
import { NEAR_ENDPOINTS } from '../support/near-manifests.ts';
import { UDP_GATEWAY } from '../support/udp-manifests.ts';
import { scaledMs } from '../support/time-scale.ts';

const NAME = clusterName('gw');
const HOST = 'shop.example';
const NEW_PAGES = 'the new pages';

interface Page {
  readonly status: number;
  readonly body: string;
  readonly certificate: string;
}

suite('the example of a Gateway', () => {
  let clean: MachinePicture;
  let addresses: readonly string[];
  let ca: string;

  before(() => {
    clean = machinePicture();
    const result = fairlead([
      'up',
      '--name',
      NAME,
      '--nodes',
      '2',
      '-f',
      'examples/shop',
      '-f',
      'examples/gateway',
    ]);
    assert.equal(result.code, 0, result.stderr);
    ca = readFileSync(`/var/lib/fairlead/${NAME}/pki/gateways/ca.crt`, 'utf8');
    const path = 'jsonpath={.status.addresses[*].value}';
    addresses = kubectl(NAME, ['-n', 'shop', 'get', 'gateway', 'public', '-o', path]).split(' ');
  });
  after(() => {
    const result = fairlead(['down', '--name', NAME]);
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(changedLines(clean, machinePicture(), NAME), []);
  });

  interface Ask extends Omit<RequestOptions, 'headers'> {
    readonly headers?: Readonly<Record<string, string>>;
  }

  function page({ headers, ...more }: Ask = {}): Promise<Page> {
    const options = { host: addresses[0], servername: HOST, ca, agent: false, ...more };
    return new Promise((resolve, reject) => {
      const outgoing = request({ ...options, headers: { host: HOST, ...headers } }, (response) => {
        const { socket } = response as unknown as {
          readonly socket: { getPeerCertificate(): { fingerprint256: string } };
        };
        const certificate = socket.getPeerCertificate().fingerprint256;
        let body = '';
        response.setEncoding('utf8').on('data', (text: string) => (body += text));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body, certificate }));
        response.on('error', reject);
      });
      outgoing.setTimeout(scaledMs(5_000), () => outgoing.destroy(new Error('no answer')));
      outgoing.on('error', reject).end();
    });
  }

  function podsOf(app: string): readonly string[] {
    const selector = `gateway.networking.k8s.io/gateway-name=${app}`;
    return kubectl(NAME, ['-n', 'shop', 'get', 'pods', '-l', selector, '-o', 'name']).trim().split('\n');
  }

  /** Asks without a pause until `end`, and says what failed. */
  async function underTraffic(during: () => Promise<void>): Promise<void> {
    const failures: string[] = [];
    let asked = 0;
    let isOver = false;
    const asking = (async () => {
      while (!isOver || asked < 50) {
        const { status } = await page().catch((error: unknown) => ({ status: String(error) }));
        asked++;
        if (status !== 200) failures.push(String(status));
      }
    })();
    try {
      await during();
    } finally {
      isOver = true;
    }
    await asking;
    assert.deepEqual(failures, []);
  }

  test('both families of its address show the pages by HTTPS, and HTTP leads there', async () => {
    assert.equal(addresses.length, 2);
    for (const host of addresses) assert.equal((await page({ host })).status, 200);
    const location = await new Promise((resolve, reject) => {
      get({ host: addresses[0], path: '/a?b=c', headers: { host: HOST }, agent: false }, (response) => {
        response.resume();
        resolve([response.statusCode, response.headers.location]);
      }).on('error', reject);
    });
    assert.deepEqual(location, [301, `https://${HOST}/a?b=c`]);
    assert.equal((await page({ headers: { host: 'other.example' } })).status, 404);
  });

  test('some see the new pages, and whoever asks for them always', async () => {
    const seen = await Promise.all(Array.from({ length: 200 }, () => page()));
    const share = seen.filter(({ body }) => body.includes(NEW_PAGES)).length;
    assert.ok(share > 4 && share < 50, `${share} of 200 meant to be 20`);
    for (let at = 0; at < 5; at++)
      assert.match((await page({ headers: { 'x-canary': 'always' } })).body, /the new pages/);
  });

  test('the observer gets a copy of every request', async () => {
    await page({ path: '/copied' });
    await eventually(() =>
      assert.match(kubectl(NAME, ['-n', 'shop', 'logs', 'deploy/observer', '--tail=20']), /GET \/copied /),
    );
  });

  test('statuses say what is there', () => {
    const wait = (what: string, condition: string): string =>
      kubectl(NAME, ['-n', 'shop', 'wait', what, `--for=condition=${condition}`, '--timeout=20s']);
    wait('gateway/public', 'Programmed');
    wait('gateway/public', 'Accepted');
    const path = '{.status.parents[*].conditions[?(@.type=="Accepted")].status}';
    const routes = kubectl(NAME, ['-n', 'shop', 'get', 'httproutes', 'web', '-o', `jsonpath=${path}`]);
    assert.equal(routes, 'True');
    assert.match(kubectl(NAME, ['get', 'gatewayclass', 'fairlead']), /True/);
    const expiry = '.status.listeners[*].conditions[?(@.type=="fairlead.dev/CertificateExpiring")]';
    const said = `jsonpath={${expiry}.status} {${expiry}.message}`;
    assert.match(
      kubectl(NAME, ['-n', 'shop', 'get', 'gateway', 'public', '-o', said]),
      /^False Secret shop\/public-https-local-tls is valid until 20/,
    );
  });

  test('a Gateway that asks for an address has it, or says that it cannot', () => {
    const asking = (addresses: readonly object[]): void => {
      const spec = {
        gatewayClassName: 'fairlead',
        addresses,
        listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }],
      };
      const gateway = { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'Gateway', spec };
      const metadata = { name: 'asking', namespace: 'shop' };
      kubectl(NAME, ['apply', '-f', '-'], { input: JSON.stringify({ ...gateway, metadata }) });
    };
    const wait = (condition: string): string =>
      kubectl(NAME, ['-n', 'shop', 'wait', 'gateway/asking', `--for=${condition}`, '--timeout=20s']);
    const reason = 'jsonpath={.status.conditions[?(@.type=="Programmed")].reason}';
    asking([{ value: '198.51.100.1' }]);
    wait(`${reason}=AddressNotUsable`);
    asking([{ type: 'IPAddress' }]);
    wait('condition=Programmed');
    kubectl(NAME, ['-n', 'shop', 'delete', 'gateway', 'asking']);
  });

  test('fairlead route why tells of the cluster what the proxy does', () => {
    const where = ['--cluster', NAME, '--address', addresses[0] ?? '', '-o', 'json'];
    const { code, stdout, stderr } = fairlead(['route', 'why', `https://${HOST}/`, ...where]);
    assert.equal(code, 0, stderr);
    const { subject, verdict, backends, notes } = JSON.parse(stdout) as RouteReport;
    assert.equal(subject, 'Gateway shop/public');
    assert.equal(verdict, '90% Service shop/web:80, 10% Service shop/web-canary:80');
    // Whatever a status has against the Gateway or the route would be among the notes.
    assert.deepEqual(notes, []);
    for (const { result } of backends) {
      assert.ok(result.kind === 'forward' && result.endpoints !== undefined);
      assert.ok(result.endpoints.some((it) => it.state === 'ready'));
    }
  });

  test('a route that is moved is followed without a lost request', async () => {
    await underTraffic(async () => {
      const patch = (weight: number): string =>
        JSON.stringify([{ op: 'replace', path: '/spec/rules/1/backendRefs/1/weight', value: weight }]);
      for (const weight of [9, 0, 1]) {
        kubectl(NAME, ['-n', 'shop', 'patch', 'httproute', 'web', '--type=json', '-p', patch(weight)]);
        await sleep(200);
      }
      kubectl(NAME, ['-n', 'shop', 'rollout', 'restart', 'deployment', 'web']);
      kubectl(NAME, ['-n', 'shop', 'rollout', 'status', 'deployment', 'web', '--timeout=60s']);
    });
  });

  test('another certificate is shown without a lost request', async () => {
    const { certificate } = await page();
    await underTraffic(async () => {
      const old = 'fairlead.dev/renew-after=2000-01-01T00:00:00Z';
      kubectl(NAME, ['-n', 'shop', 'annotate', '--overwrite', 'secret', 'public-https-local-tls', old]);
      await eventually(async () => assert.notEqual((await page()).certificate, certificate));
    });
  });

  test('requests are told of from when the Gateway asks for it, without a lost one', async () => {
    await underTraffic(async () => {
      const wanted = 'fairlead.dev/telemetry=metrics,access-log';
      kubectl(NAME, ['-n', 'shop', 'annotate', 'gateway', 'public', wanted]);
      await eventually(async () => {
        await page({ path: '/told' });
        const [pod = ''] = podsOf('public');
        const logs = kubectl(NAME, ['-n', 'shop', 'logs', pod, '--tail=50']);
        const told = logs.split('\n').find((it) => it.includes('"path":"/told"')) ?? '{}';
        const { status, route, tlsName } = JSON.parse(told) as Readonly<Record<string, unknown>>;
        assert.deepEqual(
          { status, route, tlsName },
          { status: 404, route: 'HTTPRoute shop/web', tlsName: HOST },
        );
      });
    });
  });

  test('traffic goes on while control is another one, and comes back when HAProxy is killed', async () => {
    const [pod = ''] = podsOf('public');
    await underTraffic(async () => {
      kubectl(NAME, ['-n', 'shop', 'exec', pod, '--', 'sh', '-c', 'kill $(cat /run/gateway/control.pid)']);
      await sleep(500);
    });
    // Of those that there are, one may end with another, or have been about to end.
    const kill = 'for it in $(pidof haproxy); do kill -9 $it && killed=1; done; test "$killed"';
    kubectl(NAME, ['-n', 'shop', 'exec', pod, '--', 'sh', '-c', kill]);
    await eventually(async () => assert.equal((await page()).status, 200));
  });

  test('where a Service asks for near endpoints, those on the proxy’s node have all requests', async () => {
    kubectl(NAME, ['apply', '-f', '-'], { input: NEAR_ENDPOINTS });
    kubectl(NAME, ['-n', 'shop', 'rollout', 'status', 'deployment', 'near']);
    const [proxy] = podsOf('public');
    const node = kubectl(NAME, ['-n', 'shop', 'get', proxy ?? '', '-o', 'jsonpath={.spec.nodeName}']);
    const names = (...selector: readonly string[]): readonly string[] => {
      const pods = ['get', 'pods', '-l', 'app=near', ...selector, '-o', 'jsonpath={.items[*].metadata.name}'];
      return kubectl(NAME, ['-n', 'shop', ...pods])
        .split(' ')
        .sort();
    };
    const [all, near] = [names(), names(`--field-selector=spec.nodeName=${node}`)];
    assert.ok(near.length > 0 && near.length < all.length, `${near.join()} of ${all.join()}`);
    const answering = async (): Promise<readonly string[]> => {
      const pages = await Promise.all(Array.from({ length: 40 }, () => page({ path: '/hostname' })));
      return [...new Set(pages.map(({ status, body }) => (status === 200 ? body : String(status))))].sort();
    };
    const has = (wanted: readonly string[]): Promise<void> =>
      eventually(async () => assert.deepEqual(await answering(), wanted), 10_000);
    await has(all);
    for (const [trafficDistribution, wanted] of [
      ['PreferSameNode', near],
      [null, all],
    ] as const) {
      const patch = JSON.stringify({ spec: { trafficDistribution } });
      kubectl(NAME, ['-n', 'shop', 'patch', 'service', 'near', '-p', patch]);
      await has(wanted);
    }
  });

  test('datagrams are led in either family, and go on with another endpoint when theirs is gone', async () => {
    kubectl(NAME, ['apply', '-f', '-'], { input: UDP_GATEWAY });
    const programmed = '{.status.parents[*].conditions[?(@.type=="fairlead.dev/Programmed")].status}';
    const has = (what: string, path: string): string =>
      kubectl(NAME, ['get', what, 'events', '-o', `jsonpath=${path}`]);
    await eventually(() => assert.equal(has('udproute', programmed), 'True'), 60_000);
    const clients = has('gateway', '{.status.addresses[*].value}')
      .split(' ')
      .map((host) => new DatagramClient(host, 5000));
    try {
      const servers = async (): Promise<readonly string[]> =>
        Promise.all(clients.map((it) => it.ask('hostname')));
      let before: readonly string[] = [];
      await eventually(async () => assert.doesNotMatch((before = await servers()).join(), /nobody/));
      assert.match(before.join(), /^echo-.*,echo-/);
      kubectl(NAME, ['delete', 'pods', '-l', 'app=echo']);
      await eventually(async () => {
        const now = await servers();
        for (const [at, it] of now.entries()) assert.ok(it !== 'nobody' && it !== before[at], it);
      }, 60_000);
    } finally {
      for (const it of clients) it.close();
    }
  });

  test('with the Gateway all that it was made of goes', async () => {
    kubectl(NAME, ['-n', 'shop', 'delete', 'gateway', 'public']);
    // The proxy ends when its connections have.
    await eventually(() => assert.deepEqual(podsOf('public'), ['']), 30_000);
    assert.doesNotMatch(kubectl(NAME, ['-n', 'shop', 'get', 'services,secrets']), /public/);
    // Nor do routes say any more that it serves them.
    await eventually(() =>
      assert.doesNotMatch(
        kubectl(NAME, ['-n', 'shop', 'get', 'httproutes', '-o', 'jsonpath={..status.parents}']),
        /public/,
      ),
    );
  });
});
