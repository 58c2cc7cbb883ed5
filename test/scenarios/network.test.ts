// What a user of Kubernetes relies on, packet by packet, on one real cluster of three nodes.

import { after, before, suite } from 'node:test';
import { World } from './network-world.ts';
import { changeRows } from './change-rows.ts';
import { packetSizeRows } from './packet-size-rows.ts';
import { podNetworkRows } from './pod-network-rows.ts';
import { serviceRows } from './service-rows.ts';
import { spoofingRows } from './spoofing-rows.ts';

suite('network', () => {
  let world: World;

  before(async () => {
    world = await World.raise(`s-net-${process.pid}`);
  });
  after(() => world.close());

  suite('pod network', () => podNetworkRows(() => world));
  suite('Services', () => serviceRows(() => world));
  suite('changing Services', () => changeRows(() => world));
  suite('senders', () => spoofingRows(() => world));
  suite('packet sizes', () => packetSizeRows(() => world));
});
