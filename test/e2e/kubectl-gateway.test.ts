// The oldest and the newest kubectl of this machine and the kinds of the Gateway API: what their users type, and what they must see.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { startTestServer } from '../support/api-server.ts';
import { WHOLE_SPECS } from '../support/gateway-samples.ts';
import { findKubectls, runKubectl, type Kubectl } from '../support/kubectl.ts';

/** What a kubectl explains it has from the server's OpenAPI v3 documents from here on. */
const EXPLAINS_BY_V3 = 27;

const SHORT_NAMES: Readonly<Record<string, string>> = {
  GatewayClass: 'gc',
  Gateway: 'gtw',
  ReferenceGrant: 'refgrant',
  BackendTLSPolicy: 'btlspolicy',
  ListenerSet: 'lset',
};

const all = findKubectls();
const { files, client, stop } = await startTestServer();
after(stop);
const kubeconfig = files.kubeconfig(client.port);

for (const kubectl of new Set([all[0], all.at(-1)]))
  if (kubectl !== undefined)
    describe(`kubectl 1.${kubectl.minor}`, { concurrency: 1 }, () => commands(kubectl));

/** Everything in one file. */
function manifest(name: string): string {
  const items = Object.entries(WHOLE_SPECS).map(([kind, spec]) => ({
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind,
    metadata: { name, ...(kind === 'GatewayClass' ? {} : { namespace: name }) },
    spec,
  }));
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}

function commands(kubectl: Kubectl): void {
  const name = `g${kubectl.minor}`;
  const run = async (args: string, stdin?: string): Promise<string> => {
    const { code, text } = await runKubectl(kubectl, ['-n', name, ...args.split(' ')], {
      kubeconfig,
      home: files.folder,
      ...(stdin === undefined ? {} : { stdin }),
    });
    assert.equal(code, 0, `${args}: ${text}`);
    return text;
  };
  const kinds = Object.keys(WHOLE_SPECS);

  test('applies every kind, and finds nothing to do the second time', async () => {
    await run(`create namespace ${name}`);
    const first = await run('apply -f -', manifest(name));
    assert.equal(first.match(/ created$/gm)?.length, kinds.length, first);
    const second = await run('apply -f -', manifest(name));
    assert.equal(second.match(/ unchanged$/gm)?.length, kinds.length, second);
  });

  test('gets and describes them by all of their names', async () => {
    const listed = await run('get gateway-api -o name');
    assert.equal(listed.trim().split('\n').length, kinds.length, listed);
    for (const kind of kinds) {
      const table = await run(`get ${SHORT_NAMES[kind] ?? kind} ${name}`);
      assert.match(table, /^NAME .*AGE/, kind);
    }
    const version = await run(`get httproutes.v1beta1.gateway.networking.k8s.io ${name} -o yaml`);
    assert.match(version, /^apiVersion: gateway\.networking\.k8s\.io\/v1beta1$/m);
    const described = await run(`describe httproute ${name}`);
    assert.match(described, /Path:\n +Type: +PathPrefix\n +Value: +\/v1/);
  });

  if (kubectl.minor >= EXPLAINS_BY_V3)
    test('explains their fields', async () => {
      assert.match(await run('explain httproute.spec.rules.matches.path'), /value\s+<string>/);
      assert.match(await run('explain gateway.spec.listeners'), /allowedRoutes\s+<AllowedRoutes>/);
    });

  test('says which rule is broken, and deletes them all', async () => {
    const patch = ['patch', 'httproute', name, '--type=merge', '-p', '{"spec":{"rules":[{"name":"A"}]}}'];
    const refused = await runKubectl(kubectl, ['-n', name, ...patch], { kubeconfig, home: files.folder });
    assert.match(refused.text, /spec\.rules\[0\]\.name in body should match/);
    assert.equal(refused.code, 1);
    const deleted = await run('delete -f -', manifest(name));
    assert.equal(deleted.match(/ deleted/g)?.length, kinds.length, deleted);
  });
}
