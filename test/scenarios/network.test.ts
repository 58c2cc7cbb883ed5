// What a user of Kubernetes relies on, packet by packet, on one real cluster of three nodes.

import { after, before, suite } from 'node:test';
import { clusterName } from '../support/cluster.ts';
import { nameRows } from './name-rows.ts';
import { World } from './network-world.ts';
import { backendRows, backendsHere } from './backend-rows.ts';
import { changeRows } from './change-rows.ts';
import { endpointRows } from './endpoint-rows.ts';
import { errorRows } from './error-rows.ts';
import { outsideRows } from './outside-rows.ts';
import { packetSizeRows } from './packet-size-rows.ts';
import { podNetworkRows } from './pod-network-rows.ts';
import { runtimeRows } from './runtime-rows.ts';
import { serviceRows } from './service-rows.ts';
import { spoofingRows } from './spoofing-rows.ts';

const backends = await backendsHere();

suite('network', () => {
  let world: World;

  before(async () => {
    world = await World.raise(clusterName('sn'));
  });
  after(() => world.close());

  suite('pod network', () => podNetworkRows(() => world));
  suite('Services', () => serviceRows(() => world));
  suite('endpoints', () => endpointRows(() => world));
  suite('changing Services', () => changeRows(() => world));
  suite('names', () => nameRows(() => world));
  suite('runtime', () => runtimeRows(() => world));
  suite('senders', () => spoofingRows(() => world));
  suite('packet sizes', () => packetSizeRows(() => world));
  suite('nobody there', () => errorRows(() => world));
  suite('changing the Service backend', () => backendRows(() => world, backends));
  suite('from outside', () => outsideRows(() => world, backends));
});
