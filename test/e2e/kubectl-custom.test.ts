// Every kubectl of this machine with custom resources: one manifest of a definition and its objects, and what users type then.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { startTestServer } from '../support/api-server.ts';
import { eventually } from '../support/eventually.ts';
import {
  findKubectls,
  runKubectl,
  watchKubectl,
  type Kubectl,
  type KubectlOptions,
} from '../support/kubectl.ts';

const SIDE_BY_SIDE = 2;

const { files, client, stop } = await startTestServer();
after(stop);
const kubeconfig = files.kubeconfig(client.port);

describe('each version', { concurrency: SIDE_BY_SIDE }, () => {
  for (const kubectl of findKubectls())
    test(`kubectl 1.${kubectl.minor} works with custom resources`, () => suite(kubectl));
});

/** A group of its own for each version: they run side by side. */
function definitionOf(group: string, short: string): string {
  return `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: crontabs.${group} }
spec:
  group: ${group}
  scope: Namespaced
  names: { plural: crontabs, kind: CronTab, shortNames: [${short}], categories: [${short}-all] }
  versions:
    - name: v1
      served: true
      storage: true
      subresources:
        status: {}
        scale: { specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas }
      additionalPrinterColumns:
        - { name: Spec, type: string, jsonPath: .spec.cronSpec }
        - { name: Replicas, type: integer, jsonPath: .spec.replicas }
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              description: What is wanted of the tab.
              required: [cronSpec]
              properties:
                cronSpec: { type: string, pattern: '^(\\S+ ){4}\\S+$', description: When it runs. }
                replicas: { type: integer, minimum: 0, default: 1 }
            status: { type: object, properties: { replicas: { type: integer } } }
`;
}

function objectOf(group: string, spec: string): string {
  return `
apiVersion: ${group}/v1
kind: CronTab
metadata: { name: mine }
spec: ${spec}
`;
}

async function suite(kubectl: Kubectl): Promise<void> {
  const { minor } = kubectl;
  const group = `v${minor}.example.com`;
  const short = `ct${minor}`;
  const options = (stdin?: string): KubectlOptions => ({
    kubeconfig,
    // What others have discovered meanwhile is not to be found there.
    home: `${files.folder}/home-${minor}`,
    ...(stdin === undefined ? {} : { stdin }),
  });
  const run = (args: string, stdin?: string) => runKubectl(kubectl, args.split(' '), options(stdin));
  const ok = async (args: string, expected: RegExp, stdin?: string): Promise<void> => {
    const { code, text } = await run(args, stdin);
    assert.equal(code, 0, `${args}: ${text}`);
    assert.match(text, expected, args);
  };
  await ok('apply -f -', /customresourcedefinition.*created/, definitionOf(group, short));
  await ok(`wait --for=condition=Established crd/crontabs.${group} --timeout=10s`, /condition met/);
  await ok('apply -f -', /mine created/, objectOf(group, '{ cronSpec: "* * * * *" }'));
  await ok('apply -f -', /mine configured/, objectOf(group, '{ cronSpec: "* * * * 1" }'));
  await ok('apply -f -', /mine unchanged/, objectOf(group, '{ cronSpec: "* * * * 1" }'));
  await ok('apply -f -', /unchanged/, definitionOf(group, short));
  const wrong = await run('apply -f -', objectOf(group, '{ cronSpec: "daily" }'));
  assert.match(wrong.text, /spec.cronSpec in body should match '\^\(\\S\+ \)\{4\}\\S\+\$'/);
  const unknown = await run('apply -f -', objectOf(group, '{ cronSpec: "* * * * *", image: x }'));
  if (minor >= 25) assert.match(unknown.text, /unknown field "spec.image"/);
  await ok(`get ${short}`, /NAME +SPEC +REPLICAS\nmine +\* \* \* \* [1*] +1/);
  await ok(`get crontab.${group} mine -o jsonpath={.spec.replicas}`, /^1$/);
  // A category of its own: `all` would show the kinds of those that run beside it, which go at any moment.
  await ok(`get ${short}-all`, /^NAME +SPEC +REPLICAS\nmine /);
  await ok(`scale ${short} mine --replicas=3`, /scaled/);
  await ok(`label ${short} mine a=b`, /labeled/);
  await ok(`patch ${short} mine --type=merge -p {"spec":{"replicas":4}}`, /patched/);
  await ok(`describe ${short} mine`, /Replicas: +4/);
  // 1.20 fails where a group of somebody else goes while it looks.
  await eventually(() => ok('api-resources', new RegExp(`crontabs +${short} +${group}/v1 +true +CronTab`)));
  if (minor >= 27) await ok(`explain ${short}.spec.cronSpec`, /When it runs/);
  const watching = watchKubectl(kubectl, ['get', short, '-w'], { ...options(), until: /mine +.* 4/ });
  assert.equal((await watching).code, 0);
  await ok(`delete crd crontabs.${group} --timeout=10s`, /deleted/);
  const gone = await run(`get crontab.${group}`);
  assert.match(gone.text, /the server doesn't have a resource type|could not find the requested resource/);
}
