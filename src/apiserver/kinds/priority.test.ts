// Black box over HTTP: classes of priority, what pods get of them, and kinds that are told why they are not here.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestServer, type ApiClient } from '../../../test/support/api-server.ts';
import { UNSERVED_KINDS } from '../../objects/unserved-kinds.ts';

let client: ApiClient;
let stop: () => Promise<void>;

before(async () => {
  ({ client, stop } = await startTestServer());
});
after(() => stop());

const CLASSES = '/apis/scheduling.k8s.io/v1/priorityclasses';
const PODS = '/api/v1/namespaces/default/pods';
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';

function pod(name: string, spec: object = {}): object {
  return { metadata: { name }, spec: { containers: [{ name: 'main', image: 'nginx' }], ...spec } };
}

test('every cluster has the classes of the system', async () => {
  const { json } = await client.get(CLASSES, TABLE);
  assert.deepEqual(
    json.rows.map(({ cells }: { cells: unknown[] }) => cells.toSpliced(3, 1)),
    [
      ['system-cluster-critical', 2_000_000_000, false, 'PreemptLowerPriority'],
      ['system-node-critical', 2_000_001_000, false, 'PreemptLowerPriority'],
    ],
  );
});

test('a pod has the priority of its class, and one without a class that of the default one', async () => {
  const priorityOf = async (name: string, spec?: object): Promise<unknown[]> => {
    const { code, json, text } = await client.post(PODS, pod(name, spec));
    assert.equal(code, 201, text);
    return [json.spec.priorityClassName, json.spec.priority, json.spec.preemptionPolicy];
  };
  assert.deepEqual(await priorityOf('none'), [undefined, 0, 'PreemptLowerPriority']);
  const high = { metadata: { name: 'high' }, value: 1000, preemptionPolicy: 'Never' };
  assert.equal((await client.post(CLASSES, high)).code, 201);
  assert.deepEqual(await priorityOf('high', { priorityClassName: 'high' }), ['high', 1000, 'Never']);
  const same = { priorityClassName: 'high', priority: 1000, preemptionPolicy: 'Never' };
  assert.deepEqual(await priorityOf('copied', same), ['high', 1000, 'Never']);
  assert.deepEqual(await priorityOf('critical', { priorityClassName: 'system-node-critical' }), [
    'system-node-critical',
    2_000_001_000,
    'PreemptLowerPriority',
  ]);
  assert.equal(
    (await client.post(CLASSES, { metadata: { name: 'usual' }, value: 5, globalDefault: true })).code,
    201,
  );
  assert.deepEqual(await priorityOf('usual'), ['usual', 5, 'PreemptLowerPriority']);
  const second = await client.post(CLASSES, { metadata: { name: 'too' }, value: 6, globalDefault: true });
  assert.equal(
    second.json.message,
    'priorityclasses.scheduling.k8s.io "too" is forbidden: PriorityClass usual is already marked as default. Only one default can exist',
  );
});

test('a class that is not there, and other words of a pod on its priority, are refused', async () => {
  const refused = async (spec: object): Promise<string> => {
    const { code, json } = await client.post(PODS, pod('refused', spec));
    assert.equal(code, 403);
    return json.message;
  };
  assert.equal(
    await refused({ priorityClassName: 'nobody' }),
    'pods "refused" is forbidden: no PriorityClass with name nobody was found',
  );
  assert.match(await refused({ priority: 7 }), /the integer value of priority \(7\) must not be provided/);
  assert.match(
    await refused({ priorityClassName: 'high', preemptionPolicy: 'PreemptLowerPriority' }),
    /PreemptionPolicy \(PreemptLowerPriority\) must not be provided in pod spec; priority admission controller computed Never/,
  );
});

test('a class is checked, and its value never changes', async () => {
  const rows: readonly (readonly [object, RegExp])[] = [
    [{ metadata: { name: 'a' }, value: 1_000_000_001 }, /value: Forbidden: maximum allowed value/],
    [{ metadata: { name: 'system-mine' }, value: 1 }, /metadata.name: Forbidden: .*'system-' prefix/],
    [
      { metadata: { name: 'a' }, value: 1, preemptionPolicy: 'Always' },
      /preemptionPolicy: Unsupported value/,
    ],
  ];
  for (const [body, message] of rows) {
    const { code, json } = await client.post(CLASSES, body);
    assert.equal(code, 422, JSON.stringify(body));
    assert.match(json.message, message);
  }
  const changed = await client.patch(`${CLASSES}/high`, { value: 7 });
  assert.match(changed.json.message, /value: Forbidden: may not be changed in an update/);
  assert.equal((await client.patch(`${CLASSES}/high`, { description: 'for what is urgent' })).code, 200);
});

test('a kind that cannot be here is found, has no verbs, and says why', async () => {
  for (const { group, versions, kind, plural, isNamespaced, because } of UNSERVED_KINDS) {
    for (const version of versions) {
      const root = `/apis/${group}/${version}`;
      const { json } = await client.get(root);
      const found = json.resources.find((it: { kind: string }) => it.kind === kind);
      assert.deepEqual([found.name, found.namespaced, found.verbs], [plural, isNamespaced, []], root);
      const url = `${root}/${isNamespaced ? 'namespaces/default/' : ''}${plural}`;
      for (const answer of [
        await client.get(`${url}/a`),
        await client.post(url, { metadata: { name: 'a' } }),
      ]) {
        assert.deepEqual([answer.code, answer.json.reason], [404, 'NotFound'], url);
        assert.equal(answer.json.message, `${plural}.${group} are not served: ${because}`);
      }
    }
  }
  const ACCEPT = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
  const { json } = await client.get('/apis', ACCEPT);
  const group = json.items.find((it: { metadata: { name: string } }) => it.metadata.name === 'autoscaling');
  assert.deepEqual(
    group.versions.map((it: { version: string; resources: { verbs: unknown }[] }) => [
      it.version,
      it.resources[0]?.verbs,
    ]),
    [
      ['v2', []],
      ['v1', []],
    ],
  );
});
