// The roles of our processes and their code say the same: what a process watches its role allows, and every rule is of something that is served.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { pino } from 'pino';
import { watchedKinds } from '../src/agent/watched-kinds.ts';
import { systemClock } from '../src/base/clock.ts';
import { Lifetime } from '../src/base/lifetime.ts';
import type { WatchContext } from '../src/gateway/cluster-watch.ts';
import { startGatewayWatch } from '../src/gateway/gateway-watch.ts';
import { startIngressWatch } from '../src/gateway/ingress-subject.ts';
import type { KubeClient, Selection } from '../src/kube/kube-client.ts';
import type { ResourceRef } from '../src/kube/resource.ts';
import { cachedKinds } from '../src/lab/controllers/all-controllers.ts';
import { AccessIndex } from '../src/objects/access/access-index.ts';
import { DEFAULT_ROLES } from '../src/objects/access/default-roles.ts';
import {
  AGENTS,
  CONTROLLERS,
  FAIRLEAD_BINDINGS,
  FAIRLEAD_ROLES,
} from '../src/objects/access/fairlead-roles.ts';
import { bindingObject, roleObject } from '../src/objects/access/reconcile-role.ts';
import { user } from '../src/objects/access/role-table.ts';
import { parseFieldSelector, type KubeObject } from '../src/objects/meta.ts';
import { RESOURCES } from '../src/objects/resources.ts';

interface Watched {
  readonly resource: ResourceRef;
  readonly selection: Selection;
}

/** Of those that a subject of `role` watches, the ones that it may not. */
function refused(subject: string, watched: readonly Watched[]): readonly string[] {
  const index = new AccessIndex();
  for (const entry of FAIRLEAD_ROLES) index.putRole(roleObject(entry) as unknown as KubeObject);
  const proxies = ['fairlead:gateway', 'fairlead:ingress'].map((name) => ({
    name: `test ${name}`,
    role: name,
    subjects: [user(name)],
  }));
  for (const entry of [...FAIRLEAD_BINDINGS, ...proxies])
    index.putBinding(bindingObject(entry) as unknown as KubeObject);
  return watched.flatMap(({ resource, selection: { namespace = '', fieldSelector = '' } }) => {
    const named = parseFieldSelector(fieldSelector).find(({ path }) => path === 'metadata.name');
    const name = named?.value ?? '';
    const { group: ofGroup, version, plural } = resource;
    return ['list', 'watch']
      .map((verb) => ({
        kind: 'resource' as const,
        verb,
        group: ofGroup,
        version,
        resource: plural,
        subresource: '',
        namespace,
        name,
      }))
      .filter((it) => !index.decide({ name: subject, groups: [subject] }, it).isAllowed)
      .map(({ verb }) => `${verb} ${plural}.${ofGroup} ${namespace}/${name}`);
  });
}

/** What watches ask for first: a client that never answers keeps them there. */
function asked(start: (context: WatchContext) => unknown): readonly Watched[] {
  const found: Watched[] = [];
  const never = async function* (resource: ResourceRef, selection: Selection): AsyncGenerator<never> {
    found.push({ resource, selection });
    yield await new Promise<never>(() => undefined);
  };
  const client = new Proxy({} as KubeClient, { get: () => never });
  start({
    client,
    log: pino({ level: 'silent' }),
    clock: systemClock,
    random: Math.random,
    lifetime: new Lifetime('test'),
    fail: () => undefined,
  });
  return found;
}

suite('a role allows what its process watches', () => {
  test('agents', () => {
    const watched = watchedKinds();
    assert.ok(watched.length > 5);
    assert.deepEqual(refused(AGENTS, watched), []);
  });

  test('controllers', () => {
    const watched = cachedKinds().map(({ resource }) => ({ resource, selection: {} }));
    assert.deepEqual(refused(CONTROLLERS, watched), []);
  });

  for (const [role, start] of [
    ['fairlead:gateway', startGatewayWatch],
    ['fairlead:ingress', startIngressWatch],
  ] as const)
    test(role, () => {
      const watched = asked(start);
      assert.ok(watched.length > 5);
      assert.deepEqual(refused(role, watched), []);
    });

  test('nobody is allowed by chance', () => {
    const watched = watchedKinds();
    assert.equal(refused('somebody', watched).length, watched.length * 2);
  });
});

/** Parts of resources that upstream's roles name and this server does not have. */
const UNSERVED = ['pods/proxy', 'services/proxy', 'resourcequotas/status'];

test('every rule is of something that is served', () => {
  const served = new Set(
    RESOURCES.flatMap(({ group: of, plural, subresources }) =>
      [plural, ...subresources.map(({ name }) => `${plural}/${name}`)].map((it) => `${of} ${it}`),
    ),
  );
  const unknown = [...FAIRLEAD_ROLES, ...DEFAULT_ROLES].flatMap(({ name, rules }) =>
    rules
      .filter(({ apiGroups }) => !apiGroups.includes('*'))
      .flatMap((rule) => rule.apiGroups.flatMap((of) => rule.resources.map((it) => `${of} ${it}`)))
      .filter((it) => !served.has(it) && !UNSERVED.includes(it.trim()))
      .map((it) => `${name}: ${it}`),
  );
  assert.deepEqual(unknown, []);
});
