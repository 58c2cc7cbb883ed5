// Who may do what, asked over HTTP: refusals in an API server's words, escalation, reviews, impersonation, what comes with the cluster.

import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { eventually } from '../../../test/support/eventually.ts';
import {
  ALICE,
  BOB,
  startTestServer,
  type Answer,
  type ApiClient,
  type CallOptions,
} from '../../../test/support/api-server.ts';

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const ROLES = `${RBAC}/namespaces/default/roles`;
const ROLE_BINDINGS = `${RBAC}/namespaces/default/rolebindings`;
const PODS = '/api/v1/namespaces/default/pods';
const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';

let client: ApiClient;
let stop: () => Promise<void>;

before(async () => {
  ({ client, stop } = await startTestServer());
});
after(() => stop());

const JSON_BODY = { type: 'application/json' };

function as(token: string | null, url: string, options: CallOptions = {}): Promise<Answer> {
  return client.call(url, { ...options, token });
}

function post(token: string, url: string, body: unknown): Promise<Answer> {
  return as(token, url, { method: 'POST', body, ...JSON_BODY });
}

interface Rule {
  readonly apiGroups?: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

function role(name: string, ...rules: readonly Rule[]): object {
  return { metadata: { name }, rules: rules.map((it) => ({ apiGroups: [''], ...it })) };
}

function binding(name: string, roleName: string, user: string, kind = 'Role'): object {
  return {
    metadata: { name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: roleName },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
  };
}

/** Gives rules to alice in the namespace default while `body` runs. */
async function withRules(rules: readonly Rule[], body: () => Promise<void>): Promise<void> {
  assert.equal((await client.post(ROLES, role('given', ...rules))).code, 201);
  assert.equal((await client.post(ROLE_BINDINGS, binding('given', 'given', 'alice'))).code, 201);
  try {
    await body();
  } finally {
    await client.delete(`${ROLE_BINDINGS}/given`);
    await client.delete(`${ROLES}/given`);
  }
}

suite('refusals', () => {
  const rows: readonly (readonly [string, string, string])[] = [
    [
      'GET',
      PODS,
      'pods is forbidden: User "alice" cannot list resource "pods" in API group "" in the namespace "default"',
    ],
    [
      'GET',
      '/apis/apps/v1/deployments?watch=1',
      'deployments.apps is forbidden: User "alice" cannot watch resource "deployments" in API group "apps" at the cluster scope',
    ],
    [
      'GET',
      `${PODS}/web/log`,
      'pods "web" is forbidden: User "alice" cannot get resource "pods/log" in API group "" in the namespace "default"',
    ],
    [
      'DELETE',
      PODS,
      'pods is forbidden: User "alice" cannot deletecollection resource "pods" in API group "" in the namespace "default"',
    ],
    [
      'GET',
      '/api/v1/namespaces/default',
      'namespaces "default" is forbidden: User "alice" cannot get resource "namespaces" in API group "" in the namespace "default"',
    ],
    ['GET', '/metrics', 'forbidden: User "alice" cannot get path "/metrics"'],
  ];
  for (const [method, url, message] of rows)
    test(`${method} ${url}`, async () => {
      const { code, json } = await as(ALICE, url, { method });
      assert.deepEqual([code, json.kind, json.reason, json.message], [403, 'Status', 'Forbidden', message]);
    });

  test('a role that a binding names and nobody has is said', async () => {
    await client.post(ROLE_BINDINGS, binding('lost', 'nope', 'bob'));
    const { json } = await as(BOB, PODS);
    assert.match(
      json.message,
      /in the namespace "default": RBAC: role\.rbac\.authorization\.k8s\.io "nope" not found$/,
    );
    await client.delete(`${ROLE_BINDINGS}/lost`);
  });
});

suite('rules', () => {
  test('what is given is allowed until it is taken away', async () => {
    await withRules([{ resources: ['pods'], verbs: ['list'] }], async () => {
      assert.equal((await as(ALICE, PODS)).code, 200);
      assert.equal((await as(ALICE, `${PODS}?watch=1&timeoutSeconds=1`)).code, 403);
      assert.equal((await as(ALICE, '/api/v1/namespaces/kube-system/pods')).code, 403);
      assert.equal((await as(BOB, PODS)).code, 403);
    });
    assert.equal((await as(ALICE, PODS)).code, 403);
  });

  test('a rule with names allows the one object, also as a list of it', async () => {
    const rule = { resources: ['configmaps'], verbs: ['get', 'list'], resourceNames: ['kube-root-ca.crt'] };
    await withRules([rule], async () => {
      assert.equal((await as(ALICE, `${CONFIG_MAPS}/kube-root-ca.crt`)).code, 404);
      assert.equal(
        (await as(ALICE, `${CONFIG_MAPS}?fieldSelector=metadata.name%3Dkube-root-ca.crt`)).code,
        200,
      );
      assert.equal(
        (await as(ALICE, `${CONFIG_MAPS}?fieldSelector=metadata.name!%3Dkube-root-ca.crt`)).code,
        403,
      );
      assert.equal((await as(ALICE, CONFIG_MAPS)).code, 403);
    });
  });

  test('custom kinds are asked about by their group and plural', async () => {
    const url = '/apis/example.com/v1/namespaces/default/widgets';
    const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
    const definition = {
      metadata: { name: 'widgets.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { plural: 'widgets', kind: 'Widget' },
        versions: [{ name: 'v1', served: true, storage: true, schema }],
      },
    };
    const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    assert.equal((await client.post(definitions, definition)).code, 201);
    await eventually(async () => assert.equal((await client.get(url)).code, 200));
    await withRules([{ apiGroups: ['example.com'], resources: ['widgets'], verbs: ['list'] }], async () => {
      assert.equal((await as(ALICE, url)).code, 200);
      const { code, json } = await as(BOB, url);
      assert.deepEqual(
        [code, json.message],
        [
          403,
          'widgets.example.com is forbidden: User "bob" cannot list resource "widgets" in API group "example.com" in the namespace "default"',
        ],
      );
    });
    await client.delete(`${definitions}/widgets.example.com`);
  });

  test('what comes behind an upgrade to exec is no reading: it needs to create, too', async () => {
    const url = `${PODS}/none/exec?command=id`;
    const headers = { connection: 'Upgrade', upgrade: 'websocket' };
    const exec = async (): Promise<Answer> => as(ALICE, url, { headers });
    await withRules([{ resources: ['pods/exec'], verbs: ['get'] }], async () => {
      const { code, json } = await exec();
      assert.deepEqual(
        [code, json.message],
        [
          403,
          'pods "none" is forbidden: User "alice" cannot create resource "pods/exec" in API group "" in the namespace "default"',
        ],
      );
    });
    await withRules([{ resources: ['pods/exec'], verbs: ['get', 'create'] }], async () => {
      assert.equal((await exec()).code, 404);
    });
  });

  test('an apply that makes the object needs to create as well', async () => {
    await withRules([{ resources: ['configmaps'], verbs: ['patch'] }], async () => {
      const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'applied' } };
      const { code, json } = await as(ALICE, `${CONFIG_MAPS}/applied?fieldManager=t`, {
        method: 'PATCH',
        type: 'application/apply-patch+yaml',
        body,
      });
      assert.equal(code, 403);
      assert.match(json.message, /cannot create resource "configmaps"/);
    });
  });
});

suite('nobody and everybody', () => {
  test('without credentials: health and version, and 401 for the rest', async () => {
    for (const url of ['/healthz', '/livez', '/readyz', '/version'])
      assert.equal((await as(null, url)).code, 200);
    for (const url of ['/', '/api', '/healthz/ping', PODS])
      assert.equal((await as(null, url)).code, 401, url);
  });

  test('a token that is none is refused everywhere', async () => {
    for (const url of ['/healthz', PODS]) assert.equal((await as('wrong', url)).code, 401);
  });

  test('what is bound to system:unauthenticated is open', async () => {
    await client.post(ROLES, role('open', { resources: ['pods'], verbs: ['list'] }));
    const subjects = [
      { kind: 'Group', apiGroup: 'rbac.authorization.k8s.io', name: 'system:unauthenticated' },
    ];
    await client.post(ROLE_BINDINGS, { ...binding('open', 'open', ''), subjects });
    assert.equal((await as(null, PODS)).code, 200);
    await client.delete(`${ROLE_BINDINGS}/open`);
    assert.equal((await as(null, PODS)).code, 401);
  });

  test('whoever is somebody may discover what is served', async () => {
    for (const url of ['/api', '/apis', '/api/v1', '/apis/apps/v1', '/openapi/v2', '/openapi/v3', '/healthz'])
      assert.equal((await as(BOB, url)).code, 200, url);
    assert.equal((await as(BOB, '/')).code, 403);
  });
});

suite('what comes with the cluster', () => {
  const MANAGE = [
    {
      apiGroups: ['rbac.authorization.k8s.io'],
      resources: ['roles', 'rolebindings'],
      verbs: ['create', 'delete', 'patch', 'update'],
    },
  ];

  test('admin, edit and view gather rules, of new roles too', async () => {
    const verbsOf = async (name: string): Promise<readonly Rule[]> =>
      (await client.get(`${RBAC}/clusterroles/${name}`)).json.rules;
    const has = (rules: readonly Rule[], resource: string, verb: string): boolean =>
      rules.some((it) => it.resources.includes(resource) && it.verbs.includes(verb));
    const [view, edit, admin] = [await verbsOf('view'), await verbsOf('edit'), await verbsOf('admin')];
    assert.deepEqual(
      [has(view, 'pods', 'list'), has(view, 'secrets', 'list'), has(view, 'pods', 'delete')],
      [true, false, false],
    );
    assert.deepEqual(
      [has(edit, 'pods', 'list'), has(edit, 'pods', 'delete'), has(edit, 'roles', 'create')],
      [true, true, false],
    );
    assert.deepEqual([has(admin, 'pods', 'delete'), has(admin, 'roles', 'create')], [true, true]);

    const labels = { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' };
    const widgets = { apiGroups: ['example.com'], resources: ['widgets'], verbs: ['get'] };
    await client.post(`${RBAC}/clusterroles`, { metadata: { name: 'widgets', labels }, rules: [widgets] });
    for (const name of ['view', 'edit', 'admin'])
      await eventually(async () => assert.ok(has(await verbsOf(name), 'widgets', 'get'), name));
    await client.delete(`${RBAC}/clusterroles/widgets`);
    await eventually(async () => assert.ok(!has(await verbsOf('admin'), 'widgets', 'get')));
  });

  test('an agent reads what decides over packets, and neither deletes a pod nor reads a secret', async () => {
    const impersonate = { 'impersonate-user': 'fairlead:agent:a', 'impersonate-group': 'fairlead:agents' };
    const agent = async (url: string, method = 'GET'): Promise<number> =>
      (await client.call(url, { method, headers: impersonate })).code;
    for (const url of ['/api/v1/pods', '/api/v1/nodes', '/apis/networking.k8s.io/v1/networkpolicies'])
      assert.equal(await agent(url), 200, url);
    const settings = '/api/v1/namespaces/kube-system/configmaps';
    assert.equal(await agent(`${settings}?fieldSelector=metadata.name%3Dfairlead`), 200);
    assert.equal(await agent(settings), 403);
    for (const url of ['/api/v1/secrets', '/api/v1/namespaces/kube-system/secrets/x', CONFIG_MAPS])
      assert.equal(await agent(url), 403, url);
    for (const url of [`${PODS}/x`, '/api/v1/nodes/a']) assert.equal(await agent(url, 'DELETE'), 403, url);
  });

  suite('escalation', () => {
    test('nobody makes a role of more than they hold', async () => {
      await withRules([...MANAGE, { resources: ['pods'], verbs: ['get'] }], async () => {
        const { code, json } = await post(
          ALICE,
          ROLES,
          role('more', { resources: ['secrets'], verbs: ['get', 'list'] }),
        );
        assert.equal(code, 403);
        assert.equal(
          json.message,
          'roles.rbac.authorization.k8s.io "more" is forbidden: user "alice" (groups=["developers" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}',
        );
        assert.equal(
          (await post(ALICE, ROLES, role('same', { resources: ['pods'], verbs: ['get'] }))).code,
          201,
        );
        const more = { method: 'PATCH', type: 'application/merge-patch+json' };
        const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['*'] }];
        assert.equal((await as(ALICE, `${ROLES}/same`, { ...more, body: { rules } })).code, 403);
        const labels = { metadata: { labels: { a: 'b' } } };
        assert.equal((await as(ALICE, `${ROLES}/same`, { ...more, body: labels })).code, 200);
        const apply = {
          apiVersion: 'rbac.authorization.k8s.io/v1',
          kind: 'Role',
          metadata: { name: 'same' },
          rules,
        };
        const asApply = { method: 'PATCH', type: 'application/apply-patch+yaml', body: apply };
        assert.equal((await as(ALICE, `${ROLES}/same?fieldManager=t&force=true`, asApply)).code, 403);
        await client.delete(`${ROLES}/same`);
      });
    });

    test('nobody binds a role of more than they hold, unless they may bind that one', async () => {
      await withRules(MANAGE, async () => {
        const { code, json } = await post(
          ALICE,
          ROLE_BINDINGS,
          binding('up', 'view', 'alice', 'ClusterRole'),
        );
        assert.equal(code, 403);
        assert.match(
          json.message,
          /^rolebindings\.rbac\.authorization\.k8s\.io "up" is forbidden: user "alice" /,
        );
        assert.equal((await post(ALICE, ROLE_BINDINGS, binding('up', 'nope', 'alice'))).code, 404);
      });
      const bind = {
        apiGroups: ['rbac.authorization.k8s.io'],
        resources: ['clusterroles'],
        verbs: ['bind'],
        resourceNames: ['view'],
      };
      await withRules([...MANAGE, bind], async () => {
        assert.equal(
          (await post(ALICE, ROLE_BINDINGS, binding('up', 'edit', 'alice', 'ClusterRole'))).code,
          403,
        );
        assert.equal(
          (await post(ALICE, ROLE_BINDINGS, binding('up', 'view', 'alice', 'ClusterRole'))).code,
          201,
        );
        await client.delete(`${ROLE_BINDINGS}/up`);
      });
    });

    test('who may escalate makes any role; only who may do everything gathers', async () => {
      const escalate = {
        apiGroups: ['rbac.authorization.k8s.io'],
        resources: ['roles'],
        verbs: ['escalate'],
      };
      await withRules([...MANAGE, escalate], async () => {
        assert.equal((await post(ALICE, ROLES, role('any', { resources: ['*'], verbs: ['*'] }))).code, 201);
        await client.delete(`${ROLES}/any`);
      });
      await client.post(`${RBAC}/clusterroles`, {
        metadata: { name: 'roles' },
        rules: [{ apiGroups: ['rbac.authorization.k8s.io'], resources: ['clusterroles'], verbs: ['create'] }],
      });
      await client.post(`${RBAC}/clusterrolebindings`, binding('roles', 'roles', 'bob', 'ClusterRole'));
      const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] };
      const { json } = await post(BOB, `${RBAC}/clusterroles`, {
        metadata: { name: 'g' },
        rules: [],
        aggregationRule,
      });
      assert.match(json.message, /must have cluster-admin privileges to use the aggregationRule$/);
      for (const url of ['clusterrolebindings/roles', 'clusterroles/roles'])
        await client.delete(`${RBAC}/${url}`);
    });

    test('a binding’s role stays', async () => {
      await withRules(MANAGE, async () => {
        const { code, json } = await client.patch(`${ROLE_BINDINGS}/given`, { roleRef: { name: 'other' } });
        assert.equal(code, 422);
        assert.match(json.message, /roleRef: Invalid value: .*: cannot change roleRef$/);
      });
    });
  });
});

suite('reviews', () => {
  const ACCESS = '/apis/authorization.k8s.io/v1';
  const list = { verb: 'list', resource: 'pods', namespace: 'default' };

  test('SelfSubjectAccessReview says what a request would meet', async () => {
    const ask = async (): Promise<unknown> =>
      (await post(ALICE, `${ACCESS}/selfsubjectaccessreviews`, { spec: { resourceAttributes: list } })).json
        .status;
    assert.deepEqual(await ask(), { allowed: false });
    await withRules([{ resources: ['pods'], verbs: ['list'] }], async () => {
      const reason = 'RBAC: allowed by RoleBinding "given/default" of Role "given" to User "alice"';
      assert.deepEqual(await ask(), { allowed: true, reason });
    });
  });

  test('SelfSubjectRulesReview lists what holds in the namespace', async () => {
    await withRules([{ resources: ['pods'], verbs: ['list'], resourceNames: ['a'] }], async () => {
      const url = `${ACCESS}/selfsubjectrulesreviews`;
      const { status } = (await post(ALICE, url, { spec: { namespace: 'default' } })).json;
      const given = { verbs: ['list'], apiGroups: [''], resources: ['pods'], resourceNames: ['a'] };
      assert.deepEqual(status.resourceRules.at(-1), given);
      assert.ok(
        status.nonResourceRules.some((it: { nonResourceURLs: string[] }) =>
          it.nonResourceURLs.includes('/apis/*'),
        ),
      );
      assert.equal((await post(ALICE, url, { spec: {} })).code, 400);
    });
  });

  test('reviews of others are for those who may; a local one is about its namespace', async () => {
    const spec = { user: 'alice', resourceAttributes: list };
    assert.equal((await post(ALICE, `${ACCESS}/subjectaccessreviews`, { spec })).code, 403);
    await withRules([{ resources: ['pods'], verbs: ['list'] }], async () => {
      const local = `${ACCESS}/namespaces/default/localsubjectaccessreviews`;
      assert.equal((await client.post(local, { spec })).json.status.allowed, true);
      const other = { ...spec, resourceAttributes: { ...list, namespace: 'other' } };
      assert.equal((await client.post(local, { spec: other })).code, 400);
      const all = (await client.post(`${ACCESS}/subjectaccessreviews`, { spec: other })).json;
      assert.equal(all.status.allowed, false);
      const path = { user: 'bob', nonResourceAttributes: { verb: 'get', path: '/api' } };
      const ofPath = async (spec: object): Promise<boolean> =>
        (await client.post(`${ACCESS}/subjectaccessreviews`, { spec })).json.status.allowed;
      assert.equal(await ofPath(path), false, 'groups are those that the review names');
      assert.equal(await ofPath({ ...path, groups: ['system:authenticated'] }), true);
    });
  });
});

suite('impersonation', () => {
  const SELF = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
  const whoAmI = async (headers: CallOptions['headers'], token?: string): Promise<Answer> =>
    client.call(SELF, {
      method: 'POST',
      body: {},
      ...JSON_BODY,
      ...(token === undefined ? {} : { token }),
      headers: headers ?? {},
    });

  test('whoever may is somebody else, with the groups that everybody of the kind has', async () => {
    const headers = {
      'impersonate-user': 'carol',
      'impersonate-group': ['ops', 'dev'],
      'impersonate-extra-scopes': 'view',
    };
    const { userInfo } = (await whoAmI(headers)).json.status;
    const groups = ['ops', 'dev', 'system:authenticated'];
    assert.deepEqual(userInfo, { username: 'carol', groups, extra: { scopes: ['view'] } });
    const bot = await whoAmI({ 'impersonate-user': 'system:serviceaccount:shop:bot' });
    assert.deepEqual(bot.json.status.userInfo.groups, [
      'system:serviceaccounts',
      'system:serviceaccounts:shop',
      'system:authenticated',
    ]);
  });

  test('whoever may not is refused: for the user, for each group, for what else is claimed', async () => {
    const rows = [
      [
        { 'impersonate-user': 'carol' },
        'users "carol" is forbidden: User "alice" cannot impersonate resource "users" in API group "" at the cluster scope',
      ],
      [
        { 'impersonate-user': 'system:serviceaccount:shop:bot' },
        'serviceaccounts "bot" is forbidden: User "alice" cannot impersonate resource "serviceaccounts" in API group "" in the namespace "shop"',
      ],
    ] as const;
    for (const [headers, message] of rows) {
      const { code, json } = await whoAmI(headers, ALICE);
      assert.deepEqual([code, json.message], [403, message]);
    }
    await client.post(`${RBAC}/clusterroles`, role('act', { resources: ['users'], verbs: ['impersonate'] }));
    await client.post(`${RBAC}/clusterrolebindings`, binding('act', 'act', 'alice', 'ClusterRole'));
    assert.equal((await whoAmI({ 'impersonate-user': 'carol' }, ALICE)).code, 201);
    const masters = { 'impersonate-user': 'carol', 'impersonate-group': 'system:masters' };
    assert.match((await whoAmI(masters, ALICE)).json.message, /^groups "system:masters" is forbidden: /);
    const uid = { 'impersonate-user': 'carol', 'impersonate-uid': '1' };
    assert.match(
      (await whoAmI(uid, ALICE)).json.message,
      /^uids\.authentication\.k8s\.io "1" is forbidden: /,
    );
    await client.delete(`${RBAC}/clusterrolebindings/act`);
  });

  test('groups without a user are nobody', async () => {
    assert.equal((await whoAmI({ 'impersonate-group': 'system:masters' })).code, 400);
  });
});
