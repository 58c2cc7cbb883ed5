import assert from 'node:assert/strict';
import { test } from 'node:test';
import { icmp, ipv4, ipv6, tcp, TCP, ICMP6 } from '../../../test/support/packets.ts';
import type { LoggedPacket } from '../../wire/netlink/nflog.ts';
import { DENIAL_PREFIXES, deniedPacketOf } from './denial-log.ts';

const ENDS = { source: '10.244.1.2', destination: '10.244.0.2' };
const SEGMENT = tcp({ ...ENDS, sourcePort: 40_000, destinationPort: 80, flags: 2 });
const PACKET = ipv4({ ...ENDS, protocol: TCP, payload: SEGMENT });

function logged(prefix: string, payload: Uint8Array): LoggedPacket {
  const [hook, mark, sequence] = ['postrouting', 0, 1] as const;
  return {
    prefix,
    payload,
    family: 4,
    hook,
    mark,
    sequence,
    inLinkIndex: undefined,
    outLinkIndex: undefined,
  };
}

for (const direction of ['ingress', 'egress'] as const)
  test(`deniedPacketOf() tells what ${direction} policies denied`, () => {
    assert.deepEqual(deniedPacketOf(logged(DENIAL_PREFIXES[direction], PACKET)), {
      direction,
      ...ENDS,
      protocol: TCP,
      port: 80,
    });
  });

const REPORT = { source: 'fe80::1', destination: 'ff02::16' };

for (const [name, packet] of [
  ['what rules of somebody else log', logged('fairlead', PACKET)],
  ['what is no packet', logged(DENIAL_PREFIXES.ingress, Uint8Array.of(0x45, 0))],
  [
    'reports of groups that the node sends on the link of a pod',
    logged(
      DENIAL_PREFIXES.ingress,
      ipv6({ ...REPORT, protocol: ICMP6, payload: icmp({ ...REPORT, type: 143, body: new Uint8Array(4) }) }),
    ),
  ],
] as const)
  test(`deniedPacketOf() leaves aside ${name}`, () => {
    assert.equal(deniedPacketOf(packet), undefined);
  });
