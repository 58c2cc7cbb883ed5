// Garbage collection and the end of a namespace for kinds that are defined while the controllers run.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { ADMIN_TOKEN, startTestServer } from '../../../test/support/api-server.ts';
import { aDefinition } from '../../../test/support/custom-kinds.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { systemClock } from '../../base/clock.ts';
import { isNotFound } from '../../base/errors.ts';
import { ClusterCache } from '../../controllers/cluster-cache.ts';
import { runControllers } from '../../controllers/run-controllers.ts';
import type { ClusterAccess } from '../../kube/cluster-access.ts';
import { KubeClient } from '../../kube/kube-client.ts';
import { CONFIG_MAPS, DEFINITIONS, NAMESPACES, type ResourceRef } from '../../kube/resource.ts';
import { allControllers, cachedKinds } from './all-controllers.ts';
import { followDefinitions } from './follow-definitions.ts';

const WIDGETS: ResourceRef = {
  group: 'example.com',
  version: 'v1',
  kind: 'Widget',
  plural: 'widgets',
  isNamespaced: true,
};

let client: KubeClient;
let stop: () => Promise<void>;
let starts = 0;

before(async () => {
  const started = await startTestServer();
  const access: ClusterAccess = {
    server: new URL(`https://127.0.0.1:${started.server.addresses[0]?.port ?? 0}`),
    authorities: readFileSync(started.files.at('ca.crt'), 'utf8'),
    isInsecure: false,
    namespace: 'default',
    credentials: () => Promise.resolve({ authorization: `Bearer ${ADMIN_TOKEN}` }),
  };
  client = new KubeClient(access);
  const abort = new AbortController();
  const onProblem = (): void => undefined;
  const settings = {
    subnets: { podCidrs: [], nodePrefixLengths: { 4: 24, 6: 64 } },
    authority: 'PEM',
    gatewayPods: { image: 'fairlead', annotations: {}, hostFolder: undefined },
  };
  const run = followDefinitions({ client, clock: systemClock, onProblem }, abort.signal, (kinds, signal) => {
    starts++;
    const cache = new ClusterCache({ client, kinds: cachedKinds(kinds), clock: systemClock, onProblem });
    const controllers = allControllers({ ...settings, kinds });
    return runControllers(
      { client, cache, controllers, clock: systemClock, random: Math.random, onProblem },
      signal,
    );
  });
  stop = async () => {
    abort.abort();
    await run;
    client.close();
    await started.stop();
  };
});
after(() => stop());

async function isGone(resource: ResourceRef, at: { namespace?: string; name: string }): Promise<boolean> {
  try {
    await client.get(resource, at);
    return false;
  } catch (error) {
    if (isNotFound(error)) return true;
    throw error;
  }
}

test('objects of a kind that comes later own others, go with their owners, and with their namespace', async () => {
  await eventually(() => assert.equal(starts, 1));
  await client.create(DEFINITIONS, aDefinition());
  await client.create(NAMESPACES, { metadata: { name: 'shop' } });
  const owner = await client.create(WIDGETS, { metadata: { namespace: 'shop', name: 'owner' } });
  const ownerReferences = [
    { apiVersion: 'example.com/v1', kind: 'Widget', name: 'owner', uid: owner.metadata.uid },
  ];
  const owned = { namespace: 'shop', name: 'owned', ownerReferences };
  await client.create(WIDGETS, { metadata: owned });
  await client.create(CONFIG_MAPS, { metadata: owned });
  await eventually(() => assert.equal(starts, 2));
  await client.delete(WIDGETS, { namespace: 'shop', name: 'owner' });
  await eventually(async () => {
    assert.ok(await isGone(WIDGETS, owned));
    assert.ok(await isGone(CONFIG_MAPS, owned));
  });
  await client.create(WIDGETS, { metadata: { namespace: 'shop', name: 'left' } });
  await client.delete(NAMESPACES, { name: 'shop' });
  await eventually(async () => assert.ok(await isGone(NAMESPACES, { name: 'shop' })));
  const { items } = await client.list(WIDGETS);
  assert.deepEqual(items, []);
});

test('many definitions at once start the controllers less often than there are definitions', async () => {
  const before = starts;
  const names = Array.from({ length: 12 }, (_, i) => `kind${i}`);
  for (const name of names)
    await client.create(DEFINITIONS, aDefinition({ plural: `${name}s`, kind: name.toUpperCase() }));
  await eventually(() => assert.ok(starts > before));
  for (const name of names) await client.delete(DEFINITIONS, { name: `${name}s.example.com` });
  assert.ok(starts - before < names.length, `${starts - before} starts`);
});
