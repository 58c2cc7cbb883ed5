import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aBackend, aModel, aRule } from '../../test/support/proxy-models.ts';
import { parseIp } from '../base/ip.ts';
import { parsePort } from '../base/port.ts';
import { kernelError } from '../sys/errno.ts';
import { findingsOf } from './proxy-findings.ts';
import { UdpPlane, type UdpKernel } from './udp-plane.ts';

const EPERM = 1;

const MODEL = aModel({
  ports: [],
  udpPorts: [
    {
      id: 'shop/public/dns',
      hostname: undefined,
      port: parsePort(53),
      target: { id: 'UDPRoute/shop/dns/0', backends: aRule('', 'dns').backends },
    },
  ],
  backends: [aBackend('dns', [{ ip: parseIp('10.0.0.1'), port: parsePort(53) }], { protocol: 'udp' })],
});

/** A kernel that lets nobody do anything, and counts who tried. */
function refusingKernel(): UdpKernel & { readonly asked: string[] } {
  const asked: string[] = [];
  const refuse = (action: string): Promise<never> => {
    asked.push(action);
    return Promise.reject(kernelError({ action, errno: EPERM }));
  };
  return {
    asked,
    nft: { apply: () => refuse('load nftables rules'), delete: () => refuse('delete table') },
    tables: { listRules: () => refuse('list nftables rules') },
    conntrack: { forget: () => refuse('forget flows') },
    sysctls: { read: () => '1', write: () => undefined },
  };
}

test('a kernel that does not lead says why, at the listener and the route', async () => {
  const told: string[] = [];
  const plane = new UdpPlane(refusingKernel(), (it) => void told.push(it));
  const problem = await plane.lead(MODEL);
  assert.match(problem ?? '', /^Cannot list nftables rules: .*EPERM/);
  const { listeners, routes, problem: whole } = findingsOf(MODEL, new Map(), problem);
  assert.deepEqual([...listeners], [['shop/public/dns', problem]]);
  assert.deepEqual([...routes], [['UDPRoute shop/dns', problem]]);
  assert.equal(whole, undefined);
  await plane.lead(MODEL);
  assert.deepEqual(told, [problem]);
});

test('who may not look and has nothing to lead says nothing', async () => {
  const model = aModel({ ports: [] });
  const problem = await new UdpPlane(refusingKernel(), assert.fail).lead(model);
  assert.deepEqual(findingsOf(model, new Map(), problem), findingsOf(model, new Map()));
});

test('forwarding that is not on and cannot be set on is said before anything is loaded', async () => {
  const kernel = refusingKernel();
  const write = (): never => {
    throw kernelError({ action: 'set net/ipv4/ip_forward to 1', errno: EPERM });
  };
  const sysctls = { read: () => '0', write };
  const problem = await new UdpPlane({ ...kernel, sysctls }, () => undefined).lead(MODEL);
  assert.match(problem ?? '', /ip_forward/);
  assert.deepEqual(kernel.asked, []);
});
