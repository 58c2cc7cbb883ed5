import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { cidrOf, parseCidr } from '../../base/cidr.ts';
import { FairleadError } from '../../base/errors.ts';
import { familyOf, ipFromBytes, parseIp, type Ip } from '../../base/ip.ts';
import { macFromBytes, parseMac } from '../../base/mac.ts';
import { readAcknowledgement } from './acknowledgement.ts';
import { decodeAddress } from './address.ts';
import { encodeChange } from './change.ts';
import * as c from './constants.ts';
import { describeChange } from './describe.ts';
import { decodeFlow } from './conntrack.ts';
import { decodeCounter } from './nftables-counter.ts';
import { decodeLink, decodeLinkName } from './link.ts';
import { decodeForwarding, decodeNeighbour } from './neighbour.ts';
import { decodeLoggedPacket } from './nflog.ts';
import { readAttributes, readMessages, type Message } from './reader.ts';
import { decodeRoute } from './route.ts';
import { decodeRule } from './rule.ts';
import type { NetlinkChange } from './types.ts';
import { MessageWriter, setSequence } from './writer.ts';

const names = new Map([
  [1, 'lo'],
  [7, 'eth0'],
  [9, 'fairlead.vx'],
]);
const nameOf = (index: number): string | undefined => names.get(index);
const indexOf = (link: string): number => [...names].find(([, name]) => name === link)?.[0] ?? 0;

const aMac = fc.uint8Array({ minLength: 6, maxLength: 6 }).map(macFromBytes);
const anIp: fc.Arbitrary<Ip> = fc
  .oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }))
  .map(ipFromBytes);
const aPrefix = fc
  .tuple(anIp, fc.nat(128))
  .map(([ip, length]) => cidrOf(ip, Math.min(length, familyOf(ip) === 4 ? 32 : 128)));

function messageOf(change: NetlinkChange): Message {
  const [bytes = new Uint8Array()] = encodeChange(change, indexOf);
  const [message] = readMessages(bytes);
  assert.ok(message !== undefined);
  return message;
}

describe('what is encoded decodes to the same', () => {
  it('addresses', () => {
    fc.assert(
      fc.property(anIp, fc.nat(128), (ip, length) => {
        const address = { link: 'eth0', ip, prefixLength: Math.min(length, familyOf(ip) === 4 ? 32 : 128) };
        assert.deepEqual(decodeAddress(messageOf({ kind: 'add-address', ...address }), nameOf), address);
      }),
    );
  });

  it('routes, default routes included', () => {
    const table = fc.integer({ min: 1, max: 0xffff_ffff });
    fc.assert(
      fc.property(aPrefix, anIp, table, fc.boolean(), (destination, gateway, number, isOnlink) => {
        const route = { destination, gateway, table: number, isOnlink, link: 'eth0', mtuBytes: 1400 };
        const decoded = decodeRoute(messageOf({ kind: 'replace-route', ...route }), nameOf);
        const rest = { source: undefined, protocol: 76, type: 'unicast' };
        const family = familyOf(parseIp(destination.slice(0, destination.indexOf('/'))));
        assert.deepEqual(decoded, { ...route, ...rest, family });
      }),
    );
  });

  it('neighbours and forwarding entries', () => {
    fc.assert(
      fc.property(anIp, aMac, (ip, mac) => {
        const neighbour = { link: 'eth0', ip, mac };
        assert.deepEqual(decodeNeighbour(messageOf({ kind: 'replace-neighbour', ...neighbour }), nameOf), {
          ...neighbour,
          isPermanent: true,
        });
        const entry = { link: 'fairlead.vx', mac, destination: ip };
        const message = messageOf({ kind: 'replace-forwarding', ...entry });
        assert.deepEqual(decodeForwarding(message, 9, 'fairlead.vx'), entry);
        assert.equal(decodeForwarding(message, 7, 'eth0'), undefined);
      }),
    );
  });

  it('rules', () => {
    fc.assert(
      fc.property(
        aPrefix,
        fc.nat(32765),
        fc.integer({ min: 1, max: 0xffff_ffff }),
        (source, priority, table) => {
          const family = source.includes(':') ? 6 : 4;
          const hasPrefix = !source.endsWith('/0');
          const rule = { family, priority, table, source, incomingLink: 'eth0' } as const;
          assert.deepEqual(decodeRule(messageOf({ kind: 'add-rule', ...rule })), {
            ...rule,
            source: hasPrefix ? source : undefined,
            destination: undefined,
            protocol: 76,
          });
        },
      ),
    );
  });

  for (const hasGroupPolicy of [false, true])
    it(`links ${hasGroupPolicy ? 'with' : 'without'} group policy`, () => {
      const mac = parseMac('02:00:00:00:00:07');
      const vxlan = { vni: 76, port: 8472, local: parseIp('fd00::1'), isLearning: false, hasGroupPolicy };
      const message = messageOf({
        kind: 'add-vxlan',
        name: 'vx0',
        mac,
        mtuBytes: 1400,
        underlay: 'eth0',
        vxlan,
      });
      const { index, name, kind, mtuBytes, isUp, linkIndex, ...rest } = decodeLink(message, nameOf);
      assert.deepEqual(
        { index, name, kind, mtuBytes, isUp, linkIndex, mac: rest.mac, vxlan: rest.vxlan },
        { index: 0, name: 'vx0', kind: 'vxlan', mtuBytes: 1400, isUp: false, linkIndex: 7, mac, vxlan },
      );
    });
});

describe('requests byte by byte, as linux/rtnetlink.h lays them out', () => {
  const rows: readonly { readonly name: string; readonly change: NetlinkChange; readonly hex: string }[] = [
    {
      name: 'add-address',
      change: { kind: 'add-address', link: 'eth0', ip: parseIp('10.244.1.5'), prefixLength: 32 },
      hex: '28000000140005060000000000000000 02200200 07000000 0800 0200 0af40105 0800 0100 0af40105',
    },
    {
      name: 'replace-neighbour',
      change: {
        kind: 'replace-neighbour',
        link: 'eth0',
        ip: parseIp('169.254.1.1'),
        mac: parseMac('02:00:00:00:00:01'),
      },
      hex: '300000001c0005050000000000000000 02000000 07000000 8000 00 00 0800 0100 a9fe0101 0a00 0200 020000000001 0000',
    },
    {
      name: 'replace-route',
      change: { kind: 'replace-route', destination: parseCidr('10.244.2.0/24'), link: 'eth0' },
      hex: '34000000180005050000000000000000 02180000 fe4cfd01 00000000 0800 0f00 fe000000 0800 0100 0af40200 0800 0400 07000000',
    },
    {
      name: 'delete-link',
      change: { kind: 'delete-link', name: 'lo' },
      hex: '28000000110005000000000000000000 00000000 00000000 00000000 00000000 0700 0300 6c6f00 00',
    },
  ];
  for (const row of rows) {
    it(row.name, () => {
      const [bytes] = encodeChange(row.change, indexOf);
      assert.equal(Buffer.from(bytes ?? []).toString('hex'), row.hex.replaceAll(' ', ''));
    });
  }
});

describe('hostile and broken input', () => {
  const decoders: readonly ((message: Message) => unknown)[] = [
    (message) => decodeLink(message, nameOf),
    decodeLinkName,
    (message) => decodeAddress(message, nameOf),
    (message) => decodeRoute(message, nameOf),
    (message) => decodeNeighbour(message, nameOf),
    (message) => decodeForwarding(message, 7, 'eth0'),
    decodeRule,
    readAcknowledgement,
    (message) => decodeLoggedPacket({ ...message, type: 0x400 }),
    decodeLoggedPacket,
    (message) => decodeFlow({ ...message, type: 0x100 }),
    (message) => decodeCounter({ ...message, type: 0xa12 }, ''),
  ];
  const decodeAll = (bytes: Uint8Array): void => {
    for (const message of orRefused(() => readMessages(bytes)) ?? []) {
      for (const decode of decoders) orRefused(() => decode(message));
    }
  };

  it('random bytes are decoded or refused', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), decodeAll), { numRuns: 2000 });
  });

  it('random payloads under a true header are decoded or refused', () => {
    const types = fc.constantFrom(c.RTM_NEWLINK, c.RTM_NEWROUTE, c.NLMSG_ERROR, c.NLMSG_DONE, c.RTM_NEWNEIGH);
    fc.assert(
      fc.property(types, fc.nat(0xffff), fc.uint8Array({ maxLength: 200 }), (type, flags, payload) => {
        const writer = new MessageWriter({ type, flags });
        for (const byte of payload) writer.u8(byte);
        decodeAll(writer.finish());
      }),
      { numRuns: 3000 },
    );
  });

  it('true messages cut anywhere or with one byte changed are decoded or refused', () => {
    const change: NetlinkChange = {
      kind: 'add-veth',
      name: 'fl0',
      mac: parseMac('02:00:00:00:00:01'),
      mtuBytes: 1450,
      peer: { name: 'eth0', mtuBytes: 1450 },
    };
    const [bytes = new Uint8Array()] = encodeChange(change, indexOf);
    for (let length = 0; length < bytes.length; length++) decodeAll(bytes.slice(0, length));
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
        const changed = bytes.slice();
        changed[at] = value;
        decodeAll(changed);
      }),
      { numRuns: 2000 },
    );
  });

  it('an attribute that is longer than what is there is refused', () => {
    assert.throws(() => readAttributes(Uint8Array.of(9, 0, 1, 0, 1, 2, 3, 4)), FairleadError);
    assert.throws(() => readAttributes(Uint8Array.of(3, 0, 1, 0)), FairleadError);
    assert.throws(() => readMessages(new Uint8Array(8)), FairleadError);
  });
});

describe('acknowledgements', () => {
  it('success, errno, and the text of the extended one', () => {
    const plain = new MessageWriter({ type: c.NLMSG_ERROR, flags: 0 })
      .u32(0)
      .u32(16)
      .u32(0)
      .u32(0)
      .u32(0)
      .finish();
    assert.deepEqual(readMessages(plain).map(readAcknowledgement), [{ errno: 0, text: undefined }]);
    const extended = new MessageWriter({ type: c.NLMSG_ERROR, flags: c.NLM_F_CAPPED | c.NLM_F_ACK_TLVS })
      .u32(-22)
      .u32(400)
      .u32(0)
      .u32(0)
      .u32(0)
      .attributeText(c.NLMSGERR_ATTR_MSG, 'mtu less than device minimum')
      .finish();
    assert.deepEqual(readMessages(extended).map(readAcknowledgement), [
      { errno: 22, text: 'mtu less than device minimum' },
    ]);
  });
});

describe('describeChange()', () => {
  it('says what is done to what, in the words of ip and bridge', () => {
    const mac = parseMac('02:00:00:00:00:01');
    const lines = (
      [
        { kind: 'add-veth', name: 'fl0', peer: { name: 'eth0' } },
        { kind: 'set-link', name: 'fl0', isUp: true, mtuBytes: 1450, master: 'br0' },
        {
          kind: 'replace-route',
          destination: parseCidr('10.0.0.0/8'),
          gateway: parseIp('10.1.1.1'),
          link: 'eth0',
          isOnlink: true,
        },
        { kind: 'delete-route', destination: parseCidr('fd00::/8'), table: 100 },
        { kind: 'replace-forwarding', link: 'vx', mac, destination: parseIp('10.9.0.1') },
        { kind: 'add-rule', family: 4, priority: 10, table: 100, source: parseCidr('10.0.0.0/8') },
      ] satisfies NetlinkChange[]
    ).map(describeChange);
    assert.deepEqual(lines, [
      'add link fl0 type veth peer eth0',
      'set link fl0 up mtu 1450 master br0',
      'replace route 10.0.0.0/8 via 10.1.1.1 dev eth0 onlink',
      'delete route fd00::/8 table 100',
      'replace forwarding 02:00:00:00:00:01 dst 10.9.0.1 dev vx',
      'add rule priority 10 from 10.0.0.0/8 lookup 100',
    ]);
  });
});

describe('MessageWriter', () => {
  it('grows, pads attributes to four bytes and sets length and sequence', () => {
    const writer = new MessageWriter({ type: 1, flags: 2 })
      .attribute(5, new Uint8Array(2001).fill(7))
      .attributeU8(6, 9);
    const bytes = writer.finish();
    setSequence(bytes, 77);
    const [message] = readMessages(bytes);
    assert.deepEqual([message?.type, message?.flags, message?.sequence], [1, 2, 77]);
    assert.equal(bytes.length % 4, 0);
    const attributes = readAttributes(message?.payload ?? new Uint8Array());
    assert.deepEqual([attributes.get(5)?.length, attributes.get(6)?.[0]], [2001, 9]);
  });
});

/** The result, or undefined where the input was refused in the way that is promised; anything else fails the test. */
function orRefused<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof FairleadError) return undefined;
    throw error;
  }
}
