// The identity controller against the embedded API server: two of them at once, as in a cluster whose controllers are many.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { ADMIN_TOKEN, startTestServer } from '../../../test/support/api-server.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { systemClock } from '../../base/clock.ts';
import { ClusterCache } from '../../controllers/cluster-cache.ts';
import { identityController } from '../../controllers/identities.ts';
import { runControllers } from '../../controllers/run-controllers.ts';
import type { ClusterAccess } from '../../kube/cluster-access.ts';
import { KubeClient } from '../../kube/kube-client.ts';
import { DEPLOYMENTS, IDENTITIES, PODS, type Draft } from '../../kube/resource.ts';
import type { Deployment, Pod } from '../../objects/api-types.ts';
import { identitiesByKey, identityKey, parseIdentity, type IdentityObject } from '../../objects/identity.ts';
import { cachedKinds } from './all-controllers.ts';

let access: ClusterAccess;
let client: KubeClient;
let stopServer: () => Promise<void>;

before(async () => {
  const { files, server, stop } = await startTestServer();
  stopServer = stop;
  access = {
    server: new URL(`https://127.0.0.1:${server.addresses[0]?.port ?? 0}`),
    authorities: readFileSync(files.at('ca.crt'), 'utf8'),
    isInsecure: false,
    namespace: 'default',
    credentials: () => Promise.resolve({ authorization: `Bearer ${ADMIN_TOKEN}` }),
  };
  client = new KubeClient(access);
});
after(async () => {
  client.close();
  await stopServer();
});

/** Runs the controller alone until the end of the returned function. */
function startController(): () => Promise<void> {
  const abort = new AbortController();
  const own = new KubeClient(access);
  const onProblem = (): void => undefined;
  const cache = new ClusterCache({ client: own, kinds: cachedKinds(), clock: systemClock, onProblem });
  const controllers = [identityController()];
  const options = { client: own, cache, controllers, clock: systemClock, random: Math.random, onProblem };
  const run = runControllers(options, abort.signal).catch((error: unknown) => {
    if (!abort.signal.aborted) throw error;
  });
  return async () => {
    abort.abort();
    await run;
    own.close();
  };
}

function aPod(name: string, labels: Readonly<Record<string, string>>): Draft<Pod> {
  return {
    metadata: { namespace: 'default', name, labels },
    spec: { containers: [{ name: 'c', image: 'i' }] },
  };
}

function aDeployment(app: string): Draft<Deployment> {
  const template = { metadata: { labels: { app } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
  return {
    metadata: { namespace: 'default', name: app },
    spec: { replicas: 1, selector: { matchLabels: { app } }, template },
  };
}

function isUnused({ metadata }: IdentityObject): boolean {
  return metadata.annotations?.['fairlead.dev/unused-since'] !== undefined;
}

/** The identity that rules for pods with these labels; fails while there is none. */
async function rulingFor(labels: Readonly<Record<string, string>>): Promise<IdentityObject> {
  const { items } = await client.list(IDENTITIES);
  const key = identityKey({ namespace: 'default', labels: new Map(Object.entries(labels)) });
  const number = identitiesByKey(items.map(parseIdentity)).get(key);
  const found = items.find(({ metadata }) => metadata.name === String(number));
  assert.ok(found, `no identity for ${key}`);
  return found;
}

test('two controllers give every set of labels a number, and agree on one', async () => {
  const stops = [startController(), startController()];
  try {
    const names = Array.from({ length: 150 }, (_, i) => `p${i}`);
    await Promise.all(names.map((name) => client.create(PODS, aPod(name, { name }))));
    await eventually(async () => {
      const { items } = await client.list(IDENTITIES);
      const ruling = identitiesByKey(items.map(parseIdentity));
      assert.equal(ruling.size, names.length);
      const used = items.filter((it) => !isUnused(it)).map(({ metadata }) => Number(metadata.name));
      assert.deepEqual(new Set(used), new Set(ruling.values()));
    }, 20_000);
  } finally {
    for (const stop of stops) await stop();
  }
});

test('a workload has its identity before it has pods, keeps it over a gap and a restart of the controller', async () => {
  let stop = startController();
  try {
    await client.create(DEPLOYMENTS, aDeployment('web'));
    let name = '';
    await eventually(async () => {
      ({ name } = (await rulingFor({ app: 'web' })).metadata);
    });
    await client.delete(DEPLOYMENTS, { namespace: 'default', name: 'web' });
    await eventually(async () => assert.ok(isUnused(await rulingFor({ app: 'web' }))));
    await stop();
    stop = startController();
    await client.create(PODS, aPod('again', { app: 'web', 'pod-template-hash': 'x' }));
    await eventually(async () => {
      const ruling = await rulingFor({ app: 'web' });
      assert.deepEqual([ruling.metadata.name, isUnused(ruling)], [name, false]);
    });
  } finally {
    await stop();
  }
});
