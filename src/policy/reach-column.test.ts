import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { someWorld } from '../../test/support/arbitrary-policies.ts';
import { parseIp } from '../base/ip.ts';
import { columnsOf, portsText, type ReachColumn } from './reach-column.ts';
import { Reach } from './reach.ts';
import { reachEnds } from './reach-end.ts';

const PORTS = [1, 52, 53, 54, 78, 79, 80, 81, 90, 91, 65_535];

test('columnsOf() puts every port into one column, whose answer is the port’s own', () => {
  fc.assert(
    fc.property(someWorld, (world) => {
      const ends = reachEnds(world, 4, [{ name: 'outside', ip: parseIp('203.0.113.99') }]);
      const reach = new Reach(world, ends);
      for (const at of ends.keys()) {
        const columns = columnsOf([reach], at);
        const hasSctp = columns.some((it) => it.asked.protocol === 'SCTP');
        for (const protocol of hasSctp ? (['TCP', 'UDP', 'SCTP'] as const) : (['TCP', 'UDP'] as const))
          for (const port of PORTS) {
            const of = columns.filter((it) => hasPort(it, protocol, port));
            assert.equal(of.length, 1, `${protocol} ${port}`);
            const asked = of[0]!.asked;
            assert.deepEqual(
              reach.sources(at, asked),
              reach.sources(at, { protocol, port }),
              `${protocol} ${port}`,
            );
          }
      }
    }),
  );
});

function hasPort({ spans }: ReachColumn, protocol: string, port: number): boolean {
  return spans.some((it) => it.protocol === protocol && it.first <= port && port <= it.last);
}

const TCP = {
  to: 0,
  asked: { protocol: 'TCP', port: 1 },
  sources: [],
  name: undefined,
  isDeclared: false,
} as const;

for (const row of [
  { column: { ...TCP, isDeclared: true, name: 'http', spans: [span(80, 80)] }, text: 'TCP 80 (http)' },
  { column: { ...TCP, spans: [span(80, 80), span(90, 99)] }, text: 'TCP 80,90-99' },
  { column: { ...TCP, spans: [span(1, 79), span(81, 65_535)] }, text: 'TCP other' },
  { column: { ...TCP, spans: [span(1, 65_535)] }, text: 'TCP all' },
  { column: { ...TCP, isDeclared: true, spans: [span(65_535, 65_535)] }, text: 'TCP 65535' },
])
  test(`portsText() says ${row.text}`, () => {
    assert.equal(portsText(row.column), row.text);
  });

function span(first: number, last: number) {
  return { protocol: 'TCP', first, last } as const;
}
