// What requests meet behind Ingresses, in a real HAProxy: the rows of the conformance suite.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { makeAuthority } from '../support/certificates.ts';
import { annotated } from '../support/ingress-manifests.ts';
import { openIngressRig, type IngressRig, type Seen } from '../support/ingress-rig.ts';
import { CONFORMANCE_ROWS, echoServices } from '../support/ingress-rows.ts';
import { assertNoLeaks, takeSnapshot, type LeakSnapshot } from '../support/leaks.ts';
import { ownName } from '../support/own-name.ts';

const SCOPE = { prefix: ownName('proxy') };
const ALL = CONFORMANCE_ROWS.map(({ yaml }) => echoServices(yaml)).join('---');
const SERVICES = [...new Set([...ALL.matchAll(/name: ([a-z-]+) }/g)].map(([, name = '']) => name))];

const PODS = Array.from({ length: 10 }, (_, index) => `pod-${index}`);

describe('Ingresses', () => {
  let clean: LeakSnapshot;
  let rig: IngressRig;

  before(async () => {
    clean = await takeSnapshot(SCOPE);
    rig = await openIngressRig(SERVICES, { service: 'balanced', servers: PODS });
  });
  after(async () => {
    await rig.close();
    await assertNoLeaks(clean, SCOPE);
  });

  for (const { name, yaml, requests } of CONFORMANCE_ROWS)
    test(`conformance: ${name}`, async () => {
      await rig.publish(yaml);
      const got: [string, string, string][] = [];
      for (const [host, path] of requests) got.push([host, path, await rig.whoAnswers({ host, path })]);
      assert.deepEqual(got, requests);
    });

  test('conformance: methods, user agent and the answer’s own headers pass as they are', async () => {
    await rig.publish(CONFORMANCE_ROWS[0]?.yaml ?? '');
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH']) {
      const headers = { 'user-agent': 'conformance' };
      const answer = await rig.ask({ host: 'my-host', path: '/a/b', method, headers });
      const seen = JSON.parse(answer.body) as Seen;
      assert.deepEqual(
        [answer.status, seen.method, seen.url, seen.headers['user-agent'], seen.headers['host']],
        [200, method, '/a/b', 'conformance', 'my-host'],
      );
      for (const name of ['content-length', 'date', 'server'])
        assert.ok(answer.headers[name] !== undefined, name);
    }
  });

  test('conformance: of ten pods all answer', async () => {
    const paths = { '/': 'balanced' };
    await rig.publish(annotated({ name: 'balanced', annotations: {}, host: 'load-balancing', paths }));
    const seen = new Set<string>();
    for (let i = 0; i < 100; i++) seen.add(await rig.whoAnswers({ host: 'load-balancing' }));
    assert.deepEqual([...seen].sort(), PODS);
  });

  test('TLS: each name is shown its certificate, every other name one that nobody stands behind', async () => {
    const { certificate, key } = makeAuthority('authority').sign('foo.bar.com');
    const secret = `
kind: Secret
apiVersion: v1
type: kubernetes.io/tls
metadata: { namespace: default, name: conformance-tls }
data: { tls.crt: ${base64(certificate)}, tls.key: ${base64(key)} }
`;
    const rules = CONFORMANCE_ROWS.find((it) => it.name === 'host rules')?.yaml ?? '';
    const lost = annotated({
      name: 'lost',
      annotations: {},
      host: 'lost.test',
      paths: { '/': 'echo-service' },
      tls: ['lost.test'],
    });
    await rig.publish([rules, lost, secret].join('\n---\n'));
    assert.deepEqual(await rig.overTls('foo.bar.com'), ['foo-bar-com', 'foo.bar.com']);
    assert.deepEqual(await rig.overTls('lost.test'), ['echo-service', 'Fairlead Ingress']);
    assert.equal(await rig.whoAnswers({ host: 'foo.bar.com' }), 'foo-bar-com');
  });
});

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}
