// Every kubectl of this machine asks who may do what: can-i, can-i --list, --as, and the refusal in the server's words.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startTestServer, type ApiServerFiles } from '../support/api-server.ts';
import { findKubectls, runKubectl, type Kubectl, type Run } from '../support/kubectl.ts';

const SIDE_BY_SIDE = 4;

let files: ApiServerFiles;
let stop: () => Promise<void>;
let kubeconfig: string;

before(async () => {
  const server = await startTestServer();
  ({ files, stop } = server);
  kubeconfig = files.kubeconfig(server.client.port);
});
after(() => stop());

describe('each version', { concurrency: SIDE_BY_SIDE }, () => {
  for (const kubectl of findKubectls())
    test(`kubectl 1.${kubectl.minor} hears what requests would meet`, () => asks(kubectl));
});

async function asks(kubectl: Kubectl): Promise<void> {
  const user = `reader-${kubectl.minor}`;
  const run = (args: string): Promise<Run> =>
    runKubectl(kubectl, args.split(' '), { kubeconfig, home: files.folder });
  const canI = async (args: string): Promise<string> =>
    (await run(`auth can-i ${args} --as ${user}`)).text.trim();
  assert.match(await canI('list pods'), /^no/);
  const { code, text } = await run(`get pods --as ${user}`);
  assert.equal(code, 1);
  assert.equal(
    text.trim(),
    `Error from server (Forbidden): pods is forbidden: User "${user}" cannot list resource "pods" in API group "" in the namespace "default"`,
  );
  assert.equal((await run(`create rolebinding ${user} --clusterrole=view --user=${user}`)).code, 0);
  assert.equal(await canI('list pods'), 'yes');
  assert.equal(await canI('get pods/log'), 'yes');
  for (const verb of ['delete pods', 'get secrets', 'list pods -A', 'create rolebindings'])
    assert.match(await canI(verb), /^(Warning: .*\n+)?no/, verb);
  assert.equal((await run(`get pods --as ${user}`)).code, 0);
  const list = (await run(`auth can-i --list --as ${user}`)).text;
  assert.match(list, /^deployments\.apps +\[\] +\[\] +\[get list watch\]$/m);
  assert.match(list, /^ +\[\/healthz\] +\[\] +\[get\]$/m);
  const escalated = await run(`create role up-${user} --verb=get --resource=pods --as ${user}`);
  assert.match(
    escalated.text,
    /roles\.rbac\.authorization\.k8s\.io is forbidden: .* cannot create resource "roles"/,
  );
}
