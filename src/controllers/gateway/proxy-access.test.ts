import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterOf } from '../../../test/support/cluster-of.ts';
import { CLUSTER_ROLE_BINDINGS, SERVICE_ACCOUNTS, type Draft } from '../../kube/resource.ts';
import { keptAccess, reconcileProxyAccess } from './proxy-access.ts';

const ACCOUNT = { namespace: 'shop', name: 'public-fairlead' };
const NAME = 'fairlead:proxy:shop:public-fairlead';

function made(): Draft {
  const [action] = keptAccess(ACCOUNT, 'fairlead:gateway', clusterOf([CLUSTER_ROLE_BINDINGS, []]));
  assert.ok(action?.kind === 'create');
  return action.object;
}

test('a proxy’s account gets the role of its kind, once, and keeps it', () => {
  const { metadata, roleRef, subjects } = made();
  assert.equal(metadata.name, NAME);
  assert.deepEqual(roleRef, {
    apiGroup: 'rbac.authorization.k8s.io',
    kind: 'ClusterRole',
    name: 'fairlead:gateway',
  });
  assert.deepEqual(subjects, [{ kind: 'ServiceAccount', ...ACCOUNT }]);
  const kept = (object: Draft): readonly string[] =>
    keptAccess(ACCOUNT, 'fairlead:gateway', clusterOf([CLUSTER_ROLE_BINDINGS, [object]])).map(
      (it) => it.kind,
    );
  assert.deepEqual(kept(made()), []);
  assert.deepEqual(kept({ ...made(), subjects: [] }), ['patch']);
});

test('a binding goes after its account; those of others stay', () => {
  const left = (accounts: readonly Draft[], binding = made()): readonly string[] =>
    reconcileProxyAccess(binding.metadata.name ?? '', {
      cluster: clusterOf([CLUSTER_ROLE_BINDINGS, [binding]], [SERVICE_ACCOUNTS, accounts]),
    }).map((it) => (it.kind === 'if-absent' ? it.action.kind : it.kind));
  assert.deepEqual(left([{ metadata: ACCOUNT }]), []);
  assert.deepEqual(left([]), ['delete']);
  assert.deepEqual(left([], { ...made(), metadata: { name: NAME } }), []);
  assert.deepEqual(left([], { ...made(), metadata: { ...made().metadata, name: 'admins' } }), []);
});
