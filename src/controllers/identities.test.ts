import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { clusterOf, served, type ClusterPart } from '../../test/support/cluster-of.ts';
import {
  CLUSTER_NETWORK_POLICIES,
  CRON_JOBS,
  DAEMON_SETS,
  DEPLOYMENTS,
  IDENTITIES,
  JOBS,
  NETWORK_POLICIES,
  PODS,
  REPLICA_SETS,
  STATEFUL_SETS,
  type Draft,
  type ResourceRef,
} from '../kube/resource.ts';
import { FIRST_IDENTITY, identityKey, LAST_IDENTITY, type IdentityObject } from '../objects/identity.ts';
import type { Action } from './action.ts';
import { identityController, reconcileIdentities } from './identities.ts';

type LabelRecord = Readonly<Record<string, string>>;

const NOW_MS = Date.parse('2026-01-01T10:00:00Z');
const HOUR_MS = 3_600_000;
const SINCE = 'fairlead.dev/unused-since';

function aPod(name: string, labels: LabelRecord, extra: Record<string, unknown> = {}): ClusterPart {
  return [PODS, [{ metadata: { namespace: 'shop', name, labels }, spec: {}, ...extra }]];
}

function aWorkload(resource: ResourceRef, labels: LabelRecord, spec: object = {}): ClusterPart {
  const template = { metadata: { labels }, spec };
  const own = resource === CRON_JOBS ? { jobTemplate: { spec: { template } } } : { template };
  return [resource, [{ metadata: { namespace: 'shop', name: 'work' }, spec: own }]];
}

function anIdentity(number: number, labels: LabelRecord, since?: string): ClusterPart {
  const annotations = since === undefined ? {} : { [SINCE]: since };
  const draft: Draft<IdentityObject> = {
    metadata: { name: String(number), annotations },
    spec: { namespace: 'shop', labels },
  };
  return [IDENTITIES, [draft]];
}

function aPolicy(spec: object): ClusterPart {
  return [NETWORK_POLICIES, [{ metadata: { namespace: 'shop', name: 'policy' }, spec }]];
}

/** "make 256 shop app=web", "unused 256", "used 256", "delete 256", "later 60", "IdentityNumbersExhausted Pod shop/a". */
function looked(parts: readonly ClusterPart[], unusedMs = HOUR_MS): readonly string[] {
  return reconcileIdentities({ cluster: clusterOf(...parts), nowMs: NOW_MS }, unusedMs).map(textOf);
}

function textOf(action: Action): string {
  switch (action.kind) {
    case 'create': {
      const { namespace, labels = {} } = action.object['spec'] as IdentityObject['spec'];
      const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
      return `make ${action.object.metadata.name} ${namespace} ${pairs.join()}`;
    }
    case 'patch':
      return `${annotationOf(action.patch) === null ? 'used' : 'unused'} ${action.at.name}`;
    case 'delete':
      return `delete ${action.at.name}`;
    case 'later':
      return `later ${action.afterMs / 1000}`;
    case 'event':
      return `${action.event.reason} ${action.about.kind} ${action.about.metadata.name}`;
    default:
      return action.kind;
  }
}

function annotationOf(patch: Readonly<Record<string, unknown>>): string | null | undefined {
  const { annotations = {} } = patch['metadata'] as { annotations?: Record<string, string | null> };
  return annotations[SINCE];
}

const WEB = { app: 'web' };
const HASHED = { app: 'web', 'pod-template-hash': 'abc' };

const ROWS: readonly {
  readonly name: string;
  readonly world: readonly ClusterPart[];
  readonly expected: readonly string[];
}[] = [
  {
    name: 'one identity for the labels of many pods',
    world: [aPod('a', WEB), aPod('b', WEB)],
    expected: ['make 256 shop app=web'],
  },
  { name: 'one for a pod without labels', world: [aPod('a', {})], expected: ['make 256 shop '] },
  {
    name: 'one for each namespace',
    world: [aPod('a', WEB), [PODS, [{ metadata: { namespace: 'bank', name: 'a', labels: WEB }, spec: {} }]]],
    expected: ['make 256 shop app=web', 'make 257 bank app=web'],
  },
  ...[DEPLOYMENTS, REPLICA_SETS, STATEFUL_SETS, DAEMON_SETS, JOBS, CRON_JOBS].map((resource) => ({
    name: `one for the pods that a ${resource.kind} will make`,
    world: [aWorkload(resource, WEB)],
    expected: ['make 256 shop app=web'],
  })),
  {
    name: "none to pods of the hosts' network, nor to finished ones",
    world: [
      aPod('host', WEB, { spec: { hostNetwork: true } }),
      aPod('done', WEB, { status: { phase: 'Succeeded' } }),
      aPod('failed', WEB, { status: { phase: 'Failed' } }),
      aWorkload(DAEMON_SETS, WEB, { hostNetwork: true }),
    ],
    expected: [],
  },
  {
    name: 'one to a pod that ends but has not ended',
    world: [
      [
        PODS,
        [{ metadata: { namespace: 'shop', name: 'a', deletionTimestamp: '2026-01-01T00:00:00Z' }, spec: {} }],
      ],
    ],
    expected: ['make 256 shop '],
  },
  {
    name: 'the same to a workload, its parts and its pods',
    world: [
      aWorkload(DEPLOYMENTS, WEB),
      aWorkload(REPLICA_SETS, HASHED),
      aPod('a', HASHED),
      anIdentity(300, WEB),
    ],
    expected: [],
  },
  {
    name: 'one to each instance that a policy asks for',
    world: [
      aWorkload(DEPLOYMENTS, WEB),
      aWorkload(REPLICA_SETS, { ...WEB, 'pod-template-hash': 'new' }),
      aPod('a', HASHED),
      aPod('b', { ...HASHED, 'controller-uid': '1' }),
      aPod('c', { ...WEB, 'pod-template-hash': 'def' }),
      anIdentity(300, WEB),
      aPolicy({ podSelector: { matchLabels: { 'pod-template-hash': 'abc' } } }),
    ],
    expected: [
      'make 301 shop app=web,pod-template-hash=abc',
      'make 302 shop app=web,pod-template-hash=def',
      'make 303 shop app=web,pod-template-hash=new',
    ],
  },
  {
    name: "one to each instance that the peer of a rule asks for, but not for namespaces' labels",
    world: [
      aPod('a', { 'job-name': 'x', 'controller-uid': '1' }),
      aPolicy({
        podSelector: {},
        egress: [
          { to: [{ podSelector: { matchExpressions: [{ key: 'job-name', operator: 'Exists' }] } }] },
          { to: [{ namespaceSelector: { matchLabels: { 'controller-uid': '1' } } }] },
        ],
      }),
    ],
    expected: ['make 256 shop job-name=x'],
  },
  {
    name: 'one to each instance that a policy for the whole cluster asks for',
    world: [
      aPod('a', { 'job-name': 'x' }),
      [
        CLUSTER_NETWORK_POLICIES,
        [
          {
            metadata: { name: 'cluster' },
            spec: {
              tier: 'Admin',
              priority: 1,
              subject: { pods: { podSelector: { matchLabels: { 'job-name': 'x' } } } },
            },
          },
        ],
      ],
    ],
    expected: ['make 256 shop job-name=x'],
  },
  {
    name: 'what it does without a policy that cannot be read',
    world: [aPod('a', HASHED), aPolicy({ podSelector: { matchLabels: { 'pod-template-hash': 1 } } })],
    expected: ['make 256 shop app=web'],
  },
  {
    name: 'a note to one that nobody needs any more, and a look when its time is over',
    world: [anIdentity(300, WEB)],
    expected: ['unused 300', 'later 3600'],
  },
  {
    name: 'nothing but the look to one that has its note',
    world: [anIdentity(300, WEB, '2026-01-01T09:30:00Z')],
    expected: ['later 1800'],
  },
  {
    name: 'an end to one whose time is over',
    world: [anIdentity(300, WEB, '2026-01-01T09:00:00Z')],
    expected: ['delete 300'],
  },
  {
    name: 'another note for one that says nothing',
    world: [anIdentity(300, WEB, 'yesterday')],
    expected: ['unused 300', 'later 3600'],
  },
  {
    name: 'a look within the hour, whatever the clock did',
    world: [anIdentity(300, WEB, '2999-01-01T09:00:00Z')],
    expected: ['later 3600'],
  },
  {
    name: 'an identity back to those who need it again, though its time is over',
    world: [anIdentity(300, WEB, '2026-01-01T08:00:00Z'), aPod('a', WEB)],
    expected: ['used 300'],
  },
  {
    name: 'the lowest of several for one set of labels, and the others up',
    world: [anIdentity(1000, WEB), anIdentity(300, WEB), anIdentity(400, WEB), aPod('a', WEB)],
    expected: ['unused 400', 'unused 1000', 'later 3600'],
  },
];

for (const { name, world, expected } of ROWS) {
  test(`reconcileIdentities() gives ${name}`, () => assert.deepEqual(looked(world), expected));
}

/** Identities of all numbers but for the last `free` ones, with pods that need them but for the first `spare` ones. */
function crowded({ free, spare }: { readonly free: number; readonly spare: number }): readonly ClusterPart[] {
  const numbers = Array.from(
    { length: LAST_IDENTITY - FIRST_IDENTITY + 1 - free },
    (_, i) => FIRST_IDENTITY + i,
  );
  const labelsOf = (number: number): LabelRecord => ({ of: String(number) });
  const sinceOf = (number: number) => (number % 2 === 0 ? `2026-01-01T09:${number % 60}:00Z` : undefined);
  const used = numbers.slice(spare);
  return [
    ...numbers.slice(0, spare).map((number) => anIdentity(number, labelsOf(number), sinceOf(number))),
    [
      IDENTITIES,
      used.map((number) => ({
        metadata: { name: String(number) },
        spec: { namespace: 'shop', labels: labelsOf(number) },
      })),
    ],
    [
      PODS,
      used.map((number) => ({
        metadata: { namespace: 'shop', name: `p${number}`, labels: labelsOf(number) },
        spec: {},
      })),
    ],
  ];
}

test('reconcileIdentities() takes what is unused early, the longest unused first, when numbers run out', () => {
  const fresh = ['x', 'y', 'z'].map((name) => aPod(name, { name }));
  assert.deepEqual(looked([...crowded({ free: 1, spare: 3 }), ...fresh]), [
    'make 65535 shop name=x',
    'delete 256',
    'delete 258',
    'unused 257',
    'later 3600',
  ]);
});

test('reconcileIdentities() tells those who get none, and serves the others', () => {
  const fresh = ['w', 'x', 'y', 'z'].map((name) => aPod(name, { name }));
  assert.deepEqual(looked([...crowded({ free: 1, spare: 1 }), ...fresh]), [
    'make 65535 shop name=w',
    'delete 256',
    'IdentityNumbersExhausted Pod y',
    'IdentityNumbersExhausted Pod z',
  ]);
});

const controller = identityController();

/** Whether a change makes the controller look at all. */
function isLookedAt(resource: ResourceRef, before: Draft | undefined, after: Draft | undefined): boolean {
  const [from, to] = [before, after].map((it) => (it === undefined ? undefined : served(resource, it)));
  const change = { kind: resource.plural, key: 'k', before: from, after: to };
  const sources = controller.sources.filter((it) => it.resource === resource);
  return sources.flatMap((it) => [...it.keysOf(change, clusterOf())]).length > 0;
}

function podDraft(labels: LabelRecord, phase = 'Running'): Draft {
  return { metadata: { namespace: 'shop', name: 'a', labels }, spec: {}, status: { phase } };
}

function policyDraft(labels: LabelRecord): Draft {
  return { metadata: { namespace: 'shop', name: 'a' }, spec: { podSelector: { matchLabels: labels } } };
}

for (const { name, resource, before, after, expected } of [
  { name: 'a new pod', resource: PODS, before: undefined, after: podDraft(WEB), expected: true },
  { name: 'a pod that is gone', resource: PODS, before: podDraft(WEB), after: undefined, expected: true },
  {
    name: 'another state of a pod',
    resource: PODS,
    before: podDraft(WEB, 'Pending'),
    after: podDraft(WEB),
    expected: false,
  },
  {
    name: 'the end of a pod',
    resource: PODS,
    before: podDraft(WEB),
    after: podDraft(WEB, 'Failed'),
    expected: true,
  },
  {
    name: 'another label of a pod',
    resource: PODS,
    before: podDraft(WEB),
    after: podDraft(HASHED),
    expected: true,
  },
  {
    name: 'a policy',
    resource: NETWORK_POLICIES,
    before: undefined,
    after: policyDraft(WEB),
    expected: false,
  },
  {
    name: 'a policy for instances',
    resource: NETWORK_POLICIES,
    before: undefined,
    after: policyDraft(HASHED),
    expected: true,
  },
  {
    name: 'a policy for no instances any more',
    resource: NETWORK_POLICIES,
    before: policyDraft(HASHED),
    after: policyDraft(WEB),
    expected: true,
  },
] as const) {
  test(`identityController() ${expected ? 'looks at' : 'passes over'} ${name}`, () => {
    assert.equal(isLookedAt(resource, before, after), expected);
  });
}

// The property: whatever happens in whatever order, by however many controllers, every pod has one identity once they have looked, no number comes
// to mean somebody else while it stands, and none ends that was needed within the hour.

const step = fc.oneof(
  fc.record({
    kind: fc.constant('pod' as const),
    name: fc.nat(5),
    app: fc.nat(2),
    job: fc.nat(1),
    phase: fc.constantFrom('Running', 'Failed'),
  }),
  fc.record({ kind: fc.constant('no-pod' as const), name: fc.nat(5) }),
  fc.record({ kind: fc.constant('policy' as const), isAsking: fc.boolean() }),
  fc.record({
    kind: fc.constant('race' as const),
    number: fc.integer({ min: FIRST_IDENTITY, max: LAST_IDENTITY }),
    app: fc.nat(2),
  }),
  fc.record({ kind: fc.constant('time' as const), minutes: fc.integer({ min: 1, max: 90 }) }),
);

interface State {
  readonly pods: Map<string, Draft>;
  readonly identities: Map<string, Draft<IdentityObject>>;
  isAsking: boolean;
  nowMs: number;
}

test('identityController() ends with one identity for every set of labels, in whatever order things happen', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const state: State = { pods: new Map(), identities: new Map(), isAsking: false, nowMs: NOW_MS };
      const neededMs = new Map<string, number>();
      for (const it of steps) {
        take(state, it);
        settle(state, neededMs);
        for (const number of rulingNumbers(state)) neededMs.set(number, state.nowMs);
      }
    }),
  );
});

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function take(state: State, it: Step): void {
  if (it.kind === 'pod') {
    const labels = { app: String(it.app), 'job-name': String(it.job) };
    state.pods.set(`p${it.name}`, {
      metadata: { namespace: 'shop', name: `p${it.name}`, labels },
      spec: {},
      status: { phase: it.phase },
    });
  }
  if (it.kind === 'no-pod') state.pods.delete(`p${it.name}`);
  if (it.kind === 'policy') state.isAsking = it.isAsking;
  if (it.kind === 'time') state.nowMs += it.minutes * 60_000;
  const raced = it.kind === 'race' ? String(it.number) : '';
  if (it.kind === 'race' && !state.identities.has(raced)) {
    state.identities.set(raced, {
      metadata: { name: raced },
      spec: { namespace: 'shop', labels: { app: String(it.app) } },
    });
  }
}

function partsOf({ pods, identities, isAsking }: State): readonly ClusterPart[] {
  return [
    [PODS, [...pods.values()]],
    [IDENTITIES, [...identities.values()]],
    ...(isAsking ? [aPolicy({ podSelector: { matchLabels: { 'job-name': '0' } } })] : []),
  ];
}

/** Looks until nothing is left to do, as the engine does. */
function settle(state: State, neededMs: ReadonlyMap<string, number>): void {
  for (let look = 0; look < 5; look++) {
    const cluster = clusterOf(...partsOf(state));
    const actions = reconcileIdentities({ cluster, nowMs: state.nowMs }, HOUR_MS).filter(
      ({ kind }) => kind !== 'later',
    );
    if (actions.length === 0) return;
    for (const action of actions) apply(state, action, neededMs);
  }
  assert.fail('the controller finds no end');
}

function apply({ identities, nowMs }: State, action: Action, neededMs: ReadonlyMap<string, number>): void {
  if (action.kind === 'create') {
    const name = action.object.metadata.name ?? '';
    assert.ok(!identities.has(name), `${name} is given twice`);
    const metadata = { ...action.object.metadata, creationTimestamp: new Date(nowMs).toISOString() };
    identities.set(name, { ...(action.object as Draft<IdentityObject>), metadata });
  } else if (action.kind === 'patch') {
    const before = identities.get(action.at.name);
    assert.ok(before);
    const since = annotationOf(action.patch);
    const annotations: LabelRecord = since === null || since === undefined ? {} : { [SINCE]: since };
    identities.set(action.at.name, { ...before, metadata: { ...before.metadata, annotations } });
  } else {
    assert.ok(action.kind === 'delete', action.kind);
    const idleMs = nowMs - (neededMs.get(action.at.name) ?? 0);
    assert.ok(idleMs >= HOUR_MS, `${action.at.name} ends ${idleMs / 60_000} minutes after it was needed`);
    identities.delete(action.at.name);
  }
}

/** The number of every pod that runs, by what is written: exactly one identity that is not on its way out. */
function rulingNumbers({ pods, identities, isAsking }: State): ReadonlySet<string> {
  const numbers = new Set<string>();
  for (const { metadata, status } of pods.values()) {
    if ((status as { phase: string }).phase !== 'Running') continue;
    const { 'job-name': job = '', app = '' } = metadata.labels ?? {};
    const labels = new Map(Object.entries(isAsking ? { app, 'job-name': job } : { app }));
    const wanted = identityKey({ namespace: 'shop', labels });
    const found = [...identities.values()].filter((identity) => {
      const { namespace, labels = {} } = identity.spec as IdentityObject['spec'];
      const isUsed = identity.metadata.annotations?.[SINCE] === undefined;
      return isUsed && identityKey({ namespace, labels: new Map(Object.entries(labels)) }) === wanted;
    });
    assert.equal(found.length, 1, `${wanted} has ${found.length} identities`);
    numbers.add(found[0]?.metadata.name ?? '');
  }
  return numbers;
}
