// Policies packet by packet through the pod programs: a connection that stands is let on without asking for Services, and only then.

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { POLICY_MODES } from '../../src/base/policy-numbers.ts';
import { parseIp } from '../../src/base/ip.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import { parseMac } from '../../src/base/mac.ts';
import { growEpoch } from '../../src/backends/shared-bpf/policy-mode.ts';
import { TEST_IFINDEX } from '../../src/sys/bpf-test-run.ts';
import { POLICY_ISOLATED } from '../../src/wire/bpf-maps-policy.ts';
import { openPacketLab, POD_IPS, readRun, type PacketLab } from '../support/packet-lab.ts';
import * as p from '../support/packets.ts';

const [POD] = POD_IPS;
const [SERVER, ENDPOINT] = ['10.96.0.9', '10.77.0.12'];
const [SUBJECT, PEER, EGRESS] = [7, 300, 1];
const ALL_OPEN = 1;

const lifetime = new Lifetime('test');
let lab: PacketLab;

before(async () => {
  lab = await openPacketLab(lifetime);
  const { podInterfaces, policyState, policyAddresses } = lab.bpf.maps;
  const standing = { identity: 301, subject: SUBJECT, isolated: POLICY_ISOLATED.egress };
  const ips = POD_IPS.map((ip) => parseIp(ip));
  podInterfaces.update({ ifindex: TEST_IFINDEX }, { mac: parseMac(p.POD_MAC), ips, ...standing });
  policyState.update({ index: 0 }, { epoch: 1, mode: POLICY_MODES.judges });
  for (const ip of [SERVER, ENDPOINT])
    policyAddresses.update({ prefixBits: 128, ip: parseIp(ip) }, { peer: PEER, block: 0 });
});
after(() => lifetime.close());
beforeEach(async () => {
  setOpen(true);
  await lab.program({});
});

function setOpen(isOpen: boolean): void {
  const { policyPeers, policyState } = lab.bpf.maps;
  const key = { subject: SUBJECT, direction: EGRESS, peer: PEER, block: 0 };
  if (isOpen) policyPeers.updateAll([[key, { ruleSet: ALL_OPEN }]]);
  else policyPeers.deleteAll([key]);
  growEpoch({ policyState });
}

/** Where the pod's segment goes. */
function send(flags: number, sourcePort: number): string {
  const ends = { source: POD, destination: SERVER };
  const payload = p.tcp({ ...ends, sourcePort, destinationPort: 80, flags });
  const run = readRun(lab.sends(p.frame({ ...ends, protocol: p.TCP, payload })));
  return run.verdict === 'ok' ? run.destination : run.verdict;
}

describe('a connection of an isolated pod', () => {
  test('goes on as it is where a Service has come to its address', async () => {
    assert.equal(send(p.SYN, 41001), SERVER);
    await lab.program({ [`${SERVER}:80`]: [`${ENDPOINT}:8080`] });
    assert.equal(send(p.ACK, 41001), SERVER);
  });

  test('that nobody knows does not', async () => {
    await lab.program({ [`${SERVER}:80`]: [`${ENDPOINT}:8080`] });
    assert.notEqual(send(p.ACK, 41002), SERVER);
  });

  test('ends with the policies that let it', () => {
    assert.equal(send(p.SYN, 41003), SERVER);
    setOpen(false);
    assert.equal(send(p.ACK, 41003), 'shot');
  });

  test('goes to the endpoint where it begins anew, and stays there', async () => {
    assert.equal(send(p.SYN, 41004), SERVER);
    await lab.program({ [`${SERVER}:80`]: [`${ENDPOINT}:8080`] });
    assert.equal(send(p.SYN, 41004), ENDPOINT);
    assert.equal(send(p.ACK, 41004), ENDPOINT);
  });
});
