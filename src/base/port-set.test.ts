import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  ALL_PORTS,
  commonPorts,
  hasPort,
  isAllPorts,
  isNoPorts,
  NO_PORTS,
  portSetText,
  portsOf,
  portsWithout,
  prefixesOfRange,
  unionOfPorts,
  type PortRange,
  type PortSet,
} from './port-set.ts';

// A small world of ports, so that ranges meet each other.
const range: fc.Arbitrary<PortRange> = fc
  .tuple(fc.nat(20), fc.nat(20))
  .map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }));
const set: fc.Arbitrary<PortSet> = fc
  .array(fc.tuple(fc.constantFrom('TCP', 'UDP', 'SCTP'), range))
  .map((parts) => parts.map(([protocol, it]) => portsOf(protocol, it)).reduce(unionOfPorts, NO_PORTS));

test('union, common and without mean what they say for every port', () => {
  fc.assert(
    fc.property(set, set, fc.nat(22), (a, b, port) => {
      const [inA, inB] = [hasPort(a, 'UDP', port), hasPort(b, 'UDP', port)];
      assert.equal(hasPort(unionOfPorts(a, b), 'UDP', port), inA || inB);
      assert.equal(hasPort(commonPorts(a, b), 'UDP', port), inA && inB);
      assert.equal(hasPort(portsWithout(a, b), 'UDP', port), inA && !inB);
    }),
  );
});

test('equal sets have one text, however they were made', () => {
  fc.assert(
    fc.property(set, set, (a, b) => {
      assert.equal(portSetText(unionOfPorts(a, b)), portSetText(unionOfPorts(b, a)));
      const whole = unionOfPorts(portsWithout(a, b), commonPorts(a, b));
      assert.equal(portSetText(whole), portSetText(a));
    }),
  );
  const text = unionOfPorts(portsOf('TCP', { from: 80, to: 80 }), portsOf('TCP', { from: 81, to: 90 }));
  assert.equal(portSetText(text), 'TCP 80-90');
  assert.equal(portSetText(ALL_PORTS), 'TCP * UDP * SCTP * others');
  assert.equal(portSetText(NO_PORTS), 'none');
});

test('all and none are known', () => {
  const halves = unionOfPorts(portsOf('TCP', { from: 0, to: 99 }), portsOf('TCP', { from: 100, to: 65_535 }));
  assert.ok(isAllPorts(unionOfPorts(halves, portsWithout(ALL_PORTS, portsOf('TCP')))));
  assert.ok(!isAllPorts(portsWithout(ALL_PORTS, portsOf('SCTP', { from: 7, to: 7 }))));
  assert.ok(isNoPorts(portsWithout(ALL_PORTS, ALL_PORTS)));
});

test('prefixesOfRange() covers the range and nothing else, without overlap', () => {
  const any = fc.tuple(fc.nat(65_535), fc.nat(65_535));
  fc.assert(
    fc.property(any, ([a, b]) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      const prefixes = prefixesOfRange({ from, to });
      assert.ok(prefixes.length <= 30);
      let at = from;
      for (const { port, bits } of prefixes) {
        assert.equal(port, at);
        assert.equal(port % 2 ** (16 - bits), 0);
        at += 2 ** (16 - bits);
      }
      assert.equal(at, to + 1);
    }),
  );
});
