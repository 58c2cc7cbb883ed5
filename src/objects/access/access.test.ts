// Rules, bindings, what covers what, and what comes with every cluster.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { KubeObject } from '../meta.ts';
import { AccessIndex } from './access-index.ts';
import { aggregatedRules } from './aggregate.ts';
import { refusalText, type RequestAttributes, type ResourceAttributes } from './attributes.ts';
import { ruleLines, uncovered } from './cover.ts';
import { DEFAULT_BINDINGS, DEFAULT_ROLES } from './default-roles.ts';
import { FAIRLEAD_BINDINGS, FAIRLEAD_ROLES } from './fairlead-roles.ts';
import { bindingObject, reconciledBinding, reconciledRole, roleObject } from './reconcile-role.ts';
import { allow, allowPaths, group, user } from './role-table.ts';
import { ruleAllows, type PolicyRule } from './rule.ts';

function asked(text: string, more: Partial<ResourceAttributes> = {}): ResourceAttributes {
  const [verb = '', combined = ''] = text.split(' ');
  const [resource = '', subresource = ''] = combined.split('/');
  const none = { group: '', version: 'v1', namespace: 'shop', name: '' };
  return { kind: 'resource', verb, resource, subresource, ...none, ...more };
}

function path(text: string): RequestAttributes {
  const [verb = '', url = ''] = text.split(' ');
  return { kind: 'path', verb, path: url };
}

interface Row {
  readonly name: string;
  readonly rule: PolicyRule;
  readonly yes: readonly RequestAttributes[];
  readonly no: readonly RequestAttributes[];
}

const ROWS: readonly Row[] = [
  {
    name: 'a resource is not its parts',
    rule: allow('get', '', 'pods'),
    yes: [asked('get pods'), asked('get pods', { name: 'web' })],
    no: [asked('get pods/log'), asked('list pods'), asked('get pods', { group: 'metrics.k8s.io' })],
  },
  {
    name: 'a part is not its resource',
    rule: allow('get', '', 'pods/log'),
    yes: [asked('get pods/log')],
    no: [asked('get pods'), asked('get pods/status')],
  },
  {
    name: '*/scale is that part of everything',
    rule: allow('update', 'apps', '*/scale'),
    yes: [asked('update deployments/scale', { group: 'apps' })],
    no: [
      asked('update deployments', { group: 'apps' }),
      asked('update deployments/status', { group: 'apps' }),
    ],
  },
  {
    name: '* is every verb, group, resource and part',
    rule: allow('*', '*', '*'),
    yes: [asked('impersonate users'), asked('get pods/log'), asked('list widgets', { group: 'example.com' })],
    no: [path('get /healthz')],
  },
  {
    name: 'names choose objects, and allow neither a list nor a creation',
    rule: allow('create get list', '', 'configmaps', 'settings'),
    yes: [asked('get configmaps', { name: 'settings' }), asked('list configmaps', { name: 'settings' })],
    no: [asked('get configmaps', { name: 'other' }), asked('list configmaps'), asked('create configmaps')],
  },
  {
    name: 'a path is itself, or all that begins so',
    rule: allowPaths('get', '/healthz /apis/*'),
    yes: [path('get /healthz'), path('get /apis/apps/v1')],
    no: [path('get /healthz/etcd'), path('get /apis'), path('post /healthz'), asked('get healthz')],
  },
];

suite('ruleAllows()', () => {
  for (const { name, rule, yes, no } of ROWS)
    test(name, () => {
      assert.deepEqual(
        yes.filter((it) => !ruleAllows(rule, it)),
        [],
      );
      assert.deepEqual(
        no.filter((it) => ruleAllows(rule, it)),
        [],
      );
    });
});

/** What an index gets of the store. */
function served(draft: Readonly<Record<string, unknown>>): KubeObject {
  return draft as unknown as KubeObject;
}

const READER = served(roleObject({ name: 'reader', rules: [allow('get', '', 'pods')] }));
const SHOP_READER = served(
  roleObject({ name: 'reader', namespace: 'shop', rules: [allow('list', '', 'pods')] }),
);
const ALICE = { name: 'alice', groups: ['developers', 'system:authenticated'] };

suite('AccessIndex', () => {
  test('a ClusterRoleBinding holds everywhere, a RoleBinding in its namespace, each of its own role', () => {
    const index = new AccessIndex();
    index.putRole(READER);
    index.putRole(SHOP_READER);
    index.putBinding(served(bindingObject({ name: 'a', role: 'reader', subjects: [user('alice')] })));
    index.putBinding(
      served(
        bindingObject({ name: 'b', namespace: 'shop', role: 'reader', subjects: [group('developers')] }),
      ),
    );
    const reasons = [
      asked('get pods', { namespace: '' }),
      asked('list pods'),
      asked('list pods', { namespace: 'other' }),
    ].map((it) => index.decide(ALICE, it).reason);
    assert.deepEqual(reasons, [
      'RBAC: allowed by ClusterRoleBinding "a" of ClusterRole "reader" to User "alice"',
      'RBAC: allowed by RoleBinding "b/shop" of Role "reader" to Group "developers"',
      '',
    ]);
  });

  test('a service account is the user of its name, in the binding’s namespace where it says none', () => {
    const index = new AccessIndex();
    index.putRole(SHOP_READER);
    const binding = bindingObject({ name: 'b', namespace: 'shop', role: 'reader', subjects: [] });
    index.putBinding(served({ ...binding, subjects: [{ kind: 'ServiceAccount', name: 'bot' }] }));
    const bot = { name: 'system:serviceaccount:shop:bot', groups: [] };
    assert.equal(
      index.decide(bot, asked('list pods')).reason,
      'RBAC: allowed by RoleBinding "b/shop" of Role "reader" to ServiceAccount "bot/shop"',
    );
    const other = { name: 'system:serviceaccount:other:bot', groups: [] };
    assert.equal(index.decide(other, asked('list pods')).isAllowed, false);
  });

  test('what is changed or deleted gives nothing any more; a role that is away is named', () => {
    const index = new AccessIndex();
    const binding = (name: string): KubeObject =>
      served(bindingObject({ name: 'a', role: 'reader', subjects: [user(name)] }));
    index.putBinding(binding('alice'));
    assert.deepEqual(index.decide(ALICE, asked('get pods')), {
      isAllowed: false,
      reason: 'RBAC: clusterrole.rbac.authorization.k8s.io "reader" not found',
    });
    index.putRole(READER);
    assert.equal(index.decide(ALICE, asked('get pods')).isAllowed, true);
    index.putBinding(binding('bob'));
    assert.equal(index.decide(ALICE, asked('get pods')).isAllowed, false);
    index.deleteBinding(binding('bob'));
    assert.equal(index.decide({ name: 'bob', groups: [] }, asked('get pods')).isAllowed, false);
  });
});

suite('uncovered()', () => {
  const rows: readonly (readonly [
    string,
    readonly PolicyRule[],
    readonly PolicyRule[],
    readonly string[],
  ])[] = [
    ['the same', [allow('get list', '', 'pods')], [allow('list', '', 'pods')], []],
    [
      'rules together cover what none covers alone',
      [allow('get', '', 'pods'), allow('list', '*', '*')],
      [allow('get list', '', 'pods')],
      [],
    ],
    [
      'all objects are more than one',
      [allow('get', '', 'secrets', 'a')],
      [allow('get', '', 'secrets')],
      ['{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}'],
    ],
    ['one object is less than all', [allow('get', '', 'secrets')], [allow('get', '', 'secrets', 'a')], []],
    [
      'every verb is more than all known ones',
      [allow('create delete get list', '', 'pods')],
      [allow('*', '', 'pods')],
      ['{APIGroups:[""], Resources:["pods"], Verbs:["*"]}'],
    ],
    [
      'what lacks stands together by resource',
      [],
      [allow('get list', 'apps', 'deployments'), allowPaths('get', '/metrics')],
      [
        '{APIGroups:["apps"], Resources:["deployments"], Verbs:["get" "list"]}',
        '{NonResourceURLs:["/metrics"], Verbs:["get"]}',
      ],
    ],
  ];
  for (const [name, held, wanted, lines] of rows)
    test(name, () => assert.deepEqual(ruleLines(uncovered(held, wanted)), lines));
});

test('refusalText() speaks as an API server', () => {
  assert.deepEqual(
    [
      refusalText('x', asked('list pods', { namespace: 'default' })),
      refusalText('x', asked('get pods/log', { namespace: '', group: 'g' })),
      refusalText('x', path('get /metrics')),
    ],
    [
      'User "x" cannot list resource "pods" in API group "" in the namespace "default"',
      'User "x" cannot get resource "pods/log" in API group "g" at the cluster scope',
      'User "x" cannot get path "/metrics"',
    ],
  );
});

test('aggregatedRules() gathers by labels, each rule once, in the order of names', () => {
  const of = (name: string, ...rules: readonly PolicyRule[]): KubeObject =>
    served(roleObject({ name, rules, labels: { gather: 'true' } }));
  const all = [
    of('b', allow('get', '', 'pods'), allow('get', '', 'secrets')),
    of('a', allow('get', '', 'pods')),
    served(roleObject({ name: 'c', rules: [allow('get', '', 'nodes')] })),
  ];
  const role = served(roleObject({ name: 'all', rules: [], gathers: 'gather' }));
  assert.deepEqual(aggregatedRules(role, [...all, role]), [
    { apiGroups: [''], resources: ['pods'], verbs: ['get'] },
    { apiGroups: [''], resources: ['secrets'], verbs: ['get'] },
  ]);
});

suite('reconciliation', () => {
  const wanted = roleObject({ name: 'r', rules: [allow('get list', '', 'pods')] });

  test('a role gets what it lacks and keeps what was added', () => {
    const found = served({
      ...wanted,
      rules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods', 'nodes'] }],
    });
    assert.deepEqual(reconciledRole(wanted, found)?.['rules'], [
      { verbs: ['get'], apiGroups: [''], resources: ['pods', 'nodes'] },
      { verbs: ['list'], apiGroups: [''], resources: ['pods'] },
    ]);
    assert.equal(reconciledRole(wanted, served(wanted)), undefined);
  });

  test('autoupdate "false" keeps it as it is', () => {
    const metadata = { name: 'r', annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'false' } };
    assert.equal(reconciledRole(wanted, served({ ...wanted, metadata, rules: [] })), undefined);
  });

  test('a binding gets its subjects back; one of another role is another one', () => {
    const binding = bindingObject({ name: 'b', role: 'r', subjects: [user('alice'), group('ops')] });
    const bob = { apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'bob' };
    const changed = reconciledBinding(binding, served({ ...binding, subjects: [bob] }));
    assert.equal(changed?.isOther, false);
    assert.deepEqual(
      (changed.draft['subjects'] as readonly { readonly name: string }[]).map(({ name }) => name),
      ['bob', 'alice', 'ops'],
    );
    const other = served({ ...binding, roleRef: { ...(binding['roleRef'] as object), name: 'x' } });
    assert.equal(reconciledBinding(binding, other)?.isOther, true);
    assert.equal(reconciledBinding(binding, served(binding)), undefined);
  });
});

test('every binding that comes with a cluster is of a role that comes with it', () => {
  const roles = new Set(
    [...DEFAULT_ROLES, ...FAIRLEAD_ROLES].map(({ namespace = '', name }) => `${namespace}/${name}`),
  );
  const lost = [...DEFAULT_BINDINGS, ...FAIRLEAD_BINDINGS].filter(
    ({ namespace = '', role }) => !roles.has(`${namespace}/${role}`),
  );
  assert.deepEqual(lost, []);
});
