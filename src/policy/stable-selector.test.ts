import assert from 'node:assert/strict';
import { test } from 'node:test';
import { policyWorldOf } from '../../test/support/policy-world-of.ts';
import { StableSelectors } from './stable-selector.ts';
import { nameOfWorkload } from './workload.ts';

/** A workload of namespace a; `selector` as its kind has it, absent where there is none. */
function workload(kind: string, name: string, labels: string, selector = ''): string {
  const apiVersion = { Pod: 'v1', Job: 'batch/v1' }[kind] ?? 'apps/v1';
  const head = `---\napiVersion: ${apiVersion}\nkind: ${kind}\n`;
  if (kind === 'Pod')
    return `${head}metadata: { name: ${name}, namespace: a, labels: ${labels} }\nspec: { containers: [] }\n`;
  const own = selector === '' ? '' : `selector: ${selector}, `;
  return `${head}metadata: { name: ${name}, namespace: a }\nspec: { ${own}template: { metadata: { labels: ${labels} }, spec: {} } }\n`;
}

const chosen = (text: string, name: string): unknown => {
  const world = policyWorldOf(text);
  const asked = world.workloads.find((it) => it.name === name);
  assert.ok(asked);
  const { selector, others } = new StableSelectors(world).of(asked);
  return others.length === 0 ? selector : { ...selector, others: others.map(nameOfWorkload) };
};

const WEB = '{ matchLabels: { app: web } }';

for (const row of [
  {
    name: 'the selector of its owner',
    given: workload('Deployment', 'x', '{ app: web, tier: front, version: "7" }', WEB),
    expected: { matchLabels: { app: 'web' } },
  },
  {
    name: 'a selector with expressions',
    given: workload(
      'StatefulSet',
      'x',
      '{ app: web }',
      '{ matchLabels: { app: web }, matchExpressions: [ { key: app, operator: Exists } ] }',
    ),
    expected: { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'app', operator: 'Exists' }] },
  },
  {
    name: 'labels of the template where the selector chooses another workload, too',
    given:
      workload('Deployment', 'x', '{ app: web, tier: front }', WEB) +
      workload('Deployment', 'y', '{ app: web, tier: back }', WEB),
    expected: { matchLabels: { app: 'web', tier: 'front' } },
  },
  {
    name: 'the selector, and says who is chosen besides, where no labels tell them apart',
    given:
      workload('Deployment', 'x', '{ app: web }', WEB) +
      workload('DaemonSet', 'y', '{ app: web, tier: back }', '{ matchLabels: { tier: back } }'),
    expected: { matchLabels: { app: 'web' }, others: ['a/DaemonSet/y'] },
  },
  {
    name: 'labels without those of an instance and of a release',
    given: workload(
      'Pod',
      'x',
      '{ app: web, pod-template-hash: h, controller-revision-hash: r, statefulset.kubernetes.io/pod-name: x, helm.sh/chart: c-1 }',
    ),
    expected: { matchLabels: { app: 'web' } },
  },
  {
    name: 'no selector that a controller made up',
    given: workload('Job', 'x', '{ app: web }', '{ matchLabels: { controller-uid: u } }'),
    expected: { matchLabels: { app: 'web' } },
  },
  {
    name: 'labels of an instance where there are no others',
    given: workload('Job', 'x', '{}'),
    expected: { matchLabels: { 'job-name': 'x', 'batch.kubernetes.io/job-name': 'x' } },
  },
])
  test(`StableSelectors takes ${row.name}`, () => {
    assert.deepEqual(chosen(row.given, 'x'), row.expected);
  });

test('StableSelectors refuses pods without labels', () => {
  assert.throws(() => chosen(workload('Pod', 'x', '{}'), 'x'), /pods of a\/Pod\/x: they have no labels/);
});
