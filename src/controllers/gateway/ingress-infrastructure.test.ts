import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterOf } from '../../../test/support/cluster-of.ts';
import {
  CLUSTER_ROLE_BINDINGS,
  DEPLOYMENTS,
  INGRESS_CLASSES,
  INGRESSES,
  keyOfName,
  SERVICE_ACCOUNTS,
  SERVICES,
  type Draft,
} from '../../kube/resource.ts';
import { INGRESS_CONTROLLER } from '../../objects/ingress.ts';
import type { Action } from '../action.ts';
import { reconcileIngressClass } from './ingress-infrastructure.ts';

const SETTINGS = { image: 'fairlead', annotations: {}, hostFolder: undefined };

function aClass(name: string, controller: string, annotations = {}): Draft {
  return { metadata: { name, uid: `class ${name}`, annotations }, spec: { controller } };
}

const OURS = aClass('fairlead', INGRESS_CONTROLLER);
const OTHER = aClass('other', 'example.com/other');

function anIngress(className: string | undefined, ips: readonly string[] = []): Draft {
  return {
    metadata: { namespace: 'shop', name: 'web', uid: 'i' },
    spec: className === undefined ? {} : { ingressClassName: className },
    status: { loadBalancer: { ingress: ips.map((ip) => ({ ip })) } },
  };
}

interface World {
  readonly classes?: readonly Draft[];
  readonly ingresses?: readonly Draft[];
  readonly made?: readonly Action[];
  /** Of the Service. */
  readonly addresses?: readonly string[];
}

function reconcile({
  classes = [OURS],
  ingresses = [],
  made = [],
  addresses = [],
}: World): readonly Action[] {
  const madeOf = (kind: string): readonly Draft[] =>
    made.flatMap((it) => (it.kind === 'create' && it.resource.kind === kind ? [it.object] : []));
  const status = { loadBalancer: { ingress: addresses.map((ip) => ({ ip })) } };
  const cluster = clusterOf(
    [INGRESS_CLASSES, classes],
    [INGRESSES, ingresses],
    [DEPLOYMENTS, madeOf('Deployment')],
    [SERVICES, madeOf('Service').map((it) => ({ ...it, status }))],
    [SERVICE_ACCOUNTS, madeOf('ServiceAccount')],
    [CLUSTER_ROLE_BINDINGS, madeOf('ClusterRoleBinding')],
  );
  return reconcileIngressClass('fairlead', SETTINGS, { cluster });
}

function words(actions: readonly Action[]): readonly string[] {
  return actions.map((it) => {
    if (it.kind === 'create')
      return `create ${it.resource.kind} ${keyOfName({ name: '', ...it.object.metadata })}`;
    return it.kind === 'delete' ? `delete ${it.resource.kind} ${it.at.namespace}/${it.at.name}` : it.kind;
  });
}

const PROXY = 'kube-system/fairlead-ingress';
const CREATED = [
  `create ServiceAccount ${PROXY}`,
  'create ClusterRoleBinding fairlead:proxy:kube-system:fairlead-ingress',
  `create Deployment ${PROXY}`,
  `create Service ${PROXY}`,
];
/** The binding goes after the account, by a controller of its own. */
const DELETED = ['ServiceAccount', 'Deployment', 'Service'].map((kind) => `delete ${kind} ${PROXY}`);

test('the first Ingress of the class brings its proxy, and nothing more is done then', () => {
  const world = { ingresses: [anIngress('fairlead')] };
  const made = reconcile(world);
  assert.deepEqual(words(made), CREATED);
  assert.deepEqual(reconcile({ ...world, made }), []);
});

test('no proxy without an Ingress of the class, nor for a class of somebody else', () => {
  assert.deepEqual(reconcile({}), []);
  assert.deepEqual(reconcile({ classes: [OURS, OTHER], ingresses: [anIngress('other')] }), []);
  const foreign = aClass('fairlead', 'example.com/other');
  assert.deepEqual(reconcile({ classes: [foreign], ingresses: [anIngress('fairlead')] }), []);
});

test('an Ingress without a class is ours where no other class is there, or ours is the default', () => {
  const ingresses = [anIngress(undefined)];
  const marked = aClass('fairlead', INGRESS_CONTROLLER, {
    'ingressclass.kubernetes.io/is-default-class': 'true',
  });
  assert.deepEqual(words(reconcile({ ingresses })), CREATED);
  assert.deepEqual(reconcile({ classes: [OURS, OTHER], ingresses }), []);
  assert.deepEqual(words(reconcile({ classes: [marked, OTHER], ingresses })), CREATED);
});

test('the proxy goes after the last Ingress, but not before its addresses are taken out of the status', () => {
  const made = reconcile({ ingresses: [anIngress('fairlead')] });
  const addresses = ['10.90.0.1'];
  const left = [anIngress('other', addresses)];
  assert.deepEqual(reconcile({ ingresses: left, made, addresses }), []);
  assert.deepEqual(words(reconcile({ ingresses: [anIngress('other')], made, addresses })), DELETED);
});
