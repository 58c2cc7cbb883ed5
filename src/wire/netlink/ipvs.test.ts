import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIp } from '../../base/ip.ts';
import { parsePort } from '../../base/port.ts';
import { decodeFamilyId, encodeGetFamily } from './generic.ts';
import { decodeDestination, decodeService, encodeIpvsChange, type IpvsKey } from './ipvs.ts';
import { readMessages } from './reader.ts';

const FAMILY = 0x1e;
const KEY4: IpvsKey = {
  kind: 'address',
  protocol: 'TCP',
  ip: parseIp('10.96.0.10'),
  port: parsePort(80),
};
const MARK6: IpvsKey = { kind: 'mark', family: 6, mark: 0x0100_0001 };
/** Attributes as the kernel lays them out: length, type, value, padded. */
const ADDRESS_KEY = [
  '06000100' + '02000000', // AF_INET
  '06000200' + '06000000', // IPPROTO_TCP
  '14000300' + '0a60000a' + '00'.repeat(12), // 16 bytes, the address first
  '06000400' + '00500000', // port, in network order
].join('');

function hex(message: Uint8Array): string {
  return Buffer.from(message).toString('hex');
}

test('encodeIpvsChange() writes a service with persistence', () => {
  const message = encodeIpvsChange(FAMILY, {
    kind: 'service',
    verb: 'add',
    service: { key: KEY4, scheduler: 'rr', persistenceS: 60 },
  });
  assert.equal(
    hex(message),
    '68000000' + '1e00' + '0100' + '00000000' + '00000000' + // request
      '01010000' + // IPVS_CMD_NEW_SERVICE, version 1
      '54000180' + ADDRESS_KEY +
      '07000600' + '72720000' +
      '0c000700' + '01000000' + 'ffffffff' + // IP_VS_SVC_F_PERSISTENT of all flags
      '08000800' + '3c000000' + '08000900' + 'ffffffff',
  ); // prettier-ignore
});

test('encodeIpvsChange() deletes by the key alone', () => {
  const message = encodeIpvsChange(FAMILY, {
    kind: 'service',
    verb: 'delete',
    service: { key: MARK6, scheduler: '', persistenceS: 0 },
  });
  assert.equal(hex(message.subarray(16)), '03010000' + '14000180' + '060001000a000000' + '0800050001000001');
});

test('encodeIpvsChange() names the destination by its family, address and port', () => {
  const destination = { ip: parseIp('10.244.1.2'), port: parsePort(8080), weight: 1 };
  assert.equal(
    hex(encodeIpvsChange(FAMILY, { kind: 'destination', verb: 'add', key: KEY4, destination }).subarray(16)),
    '05010000' + '30000180' + ADDRESS_KEY +
      '48000280' + '06000b00' + '02000000' +
      '14000100' + '0af40102' + '00'.repeat(12) + '06000200' + '1f900000' +
      '0800030000000000' + '0800040001000000' + '0800050000000000' + '0800060000000000',
  ); // prettier-ignore
});

test('decodeService() reads back what was encoded', () => {
  for (const key of [KEY4, MARK6, { ...KEY4, ip: parseIp('fd96::a'), protocol: 'SCTP' as const }])
    for (const persistenceS of [0, 10800]) {
      const service = { key, scheduler: 'wlc', persistenceS };
      const [message] = readMessages(encodeIpvsChange(FAMILY, { kind: 'service', verb: 'add', service }));
      assert.deepEqual(decodeService(message!), service);
    }
});

test('decodeDestination() reads back what was encoded, without connections', () => {
  const destination = { ip: parseIp('fd77::11'), port: parsePort(53), weight: 3 };
  const change = { kind: 'destination', verb: 'set', key: MARK6, destination } as const;
  const [message] = readMessages(encodeIpvsChange(FAMILY, change));
  assert.deepEqual(decodeDestination(message!), {
    ...destination,
    activeConnections: 0,
    inactiveConnections: 0,
    persistentClients: 0,
  });
});

test('generic families are found by name', () => {
  assert.equal(hex(encodeGetFamily('IPVS').subarray(16)), '03010000' + '09000200' + '4950565300' + '000000');
  const answer = Buffer.from(
    '24000000100000000100000001000000' + '01020000' + '0600010022000000' + '0800030001000000',
    'hex',
  );
  answer.writeUInt32LE(answer.length, 0);
  const [message] = readMessages(answer);
  assert.equal(decodeFamilyId(message!), 0x22);
});
