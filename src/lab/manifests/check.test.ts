import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SYSTEM_NAMESPACES } from '../../objects/system-namespaces.ts';
import { checkNamespaces, checkObjects } from './check.ts';
import { loadManifests } from './load.ts';
import { readManifests } from './read-manifests.ts';
import { resolveManifests } from './resolve.ts';

/** All complaints about a text as `up` says them. */
async function judge(text: string): Promise<readonly string[]> {
  const read = readManifests('a.yaml', text);
  assert.deepEqual(read.complaints, []);
  const { resolved, complaints } = resolveManifests(read.manifests);
  const all = [
    ...complaints,
    ...(await checkObjects(resolved)),
    ...checkNamespaces(resolved, SYSTEM_NAMESPACES),
  ];
  return all.map(({ file, line, text: what }) => `${file}:${line}: ${what}`);
}

const DEPLOYMENT = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  selector:
    matchLabels: { app: web }
  template:
    metadata:
      labels: { app: web }
    spec:
      containers:
        - name: web
          image: nginx
          ports:
            - containerPort: 80
`;

const SERVICE = `apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  ports:
    - port: 80
      targetPort: http
`;

for (const row of [
  { name: 'nothing', text: DEPLOYMENT, expected: [] },
  {
    name: 'an unknown field, where it stands',
    text: DEPLOYMENT.replace('replicas: 2', 'replica: 2'),
    expected: ['a.yaml:6: Deployment web: spec.replica: unknown field'],
  },
  {
    name: 'a wrong type',
    text: DEPLOYMENT.replace('replicas: 2', 'replicas: two'),
    expected: ['a.yaml:6: Deployment web: spec.replicas: expected an integer, got "two"'],
  },
  {
    name: 'a selector that does not match, at the labels',
    text: DEPLOYMENT.replace('labels: { app: web }', 'labels: { app: api }'),
    expected: [
      'a.yaml:11: Deployment web: spec.template.metadata.labels: Invalid value: {"app":"api"}: `selector` does not match template `labels`',
    ],
  },
  {
    name: 'a missing field at its parent',
    text: DEPLOYMENT.replace('        - name: web\n          image', '        - image'),
    expected: ['a.yaml:14: Deployment web: spec.template.spec.containers[0].name: Required value'],
  },
  {
    name: 'a value out of range',
    text: SERVICE.replace('80', '70000'),
    expected: [
      'a.yaml:6: Service web: spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive',
    ],
  },
  {
    name: 'a kind nobody knows',
    text: 'apiVersion: v1\nkind: Servise\nmetadata: { name: web }\n',
    expected: ['a.yaml:2: Servise web: kind: no kind "Servise" in "v1"'],
  },
  {
    name: 'a kind of another version, with the right one',
    text: 'apiVersion: extensions/v1beta1\nkind: Deployment\nmetadata: { name: web }\n',
    expected: [
      'a.yaml:1: Deployment web: apiVersion: no kind "Deployment" in "extensions/v1beta1"; there is "Deployment" of "apps/v1"',
    ],
  },
  {
    name: 'a custom resource',
    text: 'apiVersion: cilium.io/v2\nkind: CiliumNode\nmetadata: { name: n }\n',
    expected: [
      'a.yaml:2: CiliumNode n: kind: no kind "CiliumNode" in "cilium.io/v2": a custom resource needs its CustomResourceDefinition in the same manifests or in the cluster',
    ],
  },
  {
    name: 'a kind that cannot be here',
    text: 'apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web}\n',
    expected: [
      'a.yaml:2: HorizontalPodAutoscaler web: kind: not served: nobody measures what pods use here, so that nothing can be scaled by it',
    ],
  },
  {
    name: 'a question',
    text: 'apiVersion: authentication.k8s.io/v1\nkind: TokenReview\nmetadata: { name: t }\n',
    expected: ['a.yaml:2: TokenReview t: kind: a question to the API, not an object that is kept'],
  },
  {
    name: 'an object that stands twice, with the first place',
    text: `${SERVICE}---\n${SERVICE.replace('name: web', 'name: web, namespace: default')}`,
    expected: ['a.yaml:11: Service web: metadata.name: the same object stands at a.yaml:1 already'],
  },
  {
    name: 'a namespace that is nowhere',
    text: SERVICE.replace('name: web', 'name: web, namespace: shop'),
    expected: [
      'a.yaml:3: Service web: metadata.namespace: namespace "shop" neither exists nor is in these manifests',
    ],
  },
  {
    name: 'no namespace that comes later in the set',
    text: `${SERVICE.replace('name: web', 'name: web, namespace: shop')}---\napiVersion: v1\nkind: Namespace\nmetadata: { name: shop }\n`,
    expected: [],
  },
  {
    name: 'everything at once',
    text: `${DEPLOYMENT.replace('name: web\nspec', 'name: Web\nspec').replace('image:', 'imag:')}---\n${SERVICE.replace('port: 80', 'port: 0')}`,
    expected: [
      'a.yaml:15: Deployment Web: spec.template.spec.containers[0].imag: unknown field',
      /^a\.yaml:4: Deployment Web: metadata\.name: Invalid value: "Web": /,
      /^a\.yaml:14: Deployment Web: spec\.template\.spec\.containers\[0\]\.image: Required value/,
      /^a\.yaml:24: Service web: spec\.ports\[0\]\.port: Invalid value: 0: /,
    ],
  },
]) {
  test(`manifests: finds ${row.name}`, async () => {
    const found = await judge(row.text);
    assert.equal(found.length, row.expected.length, found.join('\n'));
    for (const [i, expected] of row.expected.entries()) {
      if (typeof expected === 'string') assert.equal(found[i], expected);
      else assert.match(found[i] ?? '', expected);
    }
  });
}

const CUSTOM = `apiVersion: example.com/v1
kind: Widget
metadata:
  name: small
spec:
  size: 0
  colour: red
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: widgets.example.com }
spec:
  group: example.com
  scope: Namespaced
  names: { plural: widgets, kind: Widget }
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec: { type: object, properties: { size: { type: integer, minimum: 1 } } }
`;

test('manifests: custom objects are judged by the definition of the same set', async () => {
  assert.deepEqual(await judge(CUSTOM), [
    'a.yaml:7: Widget small: spec.colour: unknown field',
    'a.yaml:6: Widget small: spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1',
  ]);
  const good = CUSTOM.replace('size: 0', 'size: 1').replace('  colour: red\n', '');
  assert.deepEqual(await judge(good), []);
  const { resolved } = resolveManifests(readManifests('a.yaml', good).manifests);
  assert.deepEqual(
    resolved.map(({ resource }) => resource.plural),
    ['customresourcedefinitions', 'widgets'],
  );
  assert.deepEqual(await judge(good.replace('minimum: 1', 'minimum: one')), [
    'a.yaml:23: CustomResourceDefinition widgets.example.com: spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.size.minimum: expected a number, got "one"',
  ]);
});

test('manifests: the example has no mistakes', async () => {
  const { resolved, complaints } = resolveManifests(loadManifests(['examples/shop'], () => ''));
  assert.deepEqual([...complaints, ...(await checkObjects(resolved))], []);
  assert.deepEqual(checkNamespaces(resolved, SYSTEM_NAMESPACES), []);
});

test('checkObjects() leaves the manifests as they are', async () => {
  const { manifests } = readManifests('a.yaml', DEPLOYMENT);
  const before = structuredClone(manifests[0]?.object);
  await checkObjects(resolveManifests(manifests).resolved);
  assert.deepEqual(manifests[0]?.object, before);
});
