import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIp } from '../../base/ip.ts';
import { PEERS } from '../../base/policy-numbers.ts';
import type { TrackedFlow } from '../../wire/netlink/conntrack.ts';
import { PolicyTrace } from '../policy-nftables/trace.ts';
import { isAllowedFlow, isDeniedFlow, isJudgedFlow, isMarkedDenied } from './denied-flow.ts';
import { FLOW_REST } from '../../../test/support/tracked-flow.ts';

const [A, B, C, OPEN, OUTSIDE, NODE, SOMEBODY, VIP] = [
  '10.0.0.1',
  '10.0.0.2',
  '10.0.0.3',
  '10.0.0.4',
  '203.0.113.1',
  '192.0.2.1',
  '10.0.9.9',
  '10.96.0.1',
] as const;

/** Pod a lets in b at port 53, and goes out to c; whose an address is that no pod has, nobody knows. */
const TABLE = new PolicyTrace(
  new Map([
    [`identities4 ${A}`, '300'],
    [`identities4 ${OPEN}`, '303'],
    [`open-in4 ${OPEN}`, ''],
    [`open-out4 ${OPEN}`, ''],
    [`in4 ${A} ${PEERS.outside}`, '0'],
    [`in4 ${A} ${PEERS.anyPod}`, '0'],
    [`in4 ${A} 301`, '5'],
    [`out4 ${A} ${PEERS.outside}`, '0'],
    [`out4 ${A} ${PEERS.anyPod}`, '0'],
    [`out4 ${A} 302`, '1'],
    [`hosts4 ${A}`, '300'],
    [`hosts4 ${B}`, '301'],
    [`hosts4 ${C}`, '302'],
    [`hosts4 ${OPEN}`, '303'],
    [`hosts4 ${NODE}`, String(PEERS.host)],
    ['ranges4 2147483648-2147483648 10.0.0.0-10.0.255.255', String(PEERS.unknownPod)],
    ['ports 5-5 17-17 53-53', ''],
  ]),
);

interface Ends {
  readonly from: string;
  /** As it was sent; where it went is `to`. */
  readonly by?: string;
  readonly to: string;
  readonly port?: number;
}

function aFlow({ from, to, by = to, port = 53 }: Ends, over: Partial<TrackedFlow> = {}): TrackedFlow {
  const [source, destination, endpoint] = [from, by, to].map((it) => parseIp(it));
  assert.ok(source && destination && endpoint);
  return {
    family: 4,
    protocol: 17,
    original: { source, destination, sourcePort: 40_000, destinationPort: port },
    reply: { source: endpoint, destination: source, sourcePort: port, destinationPort: 40_000 },
    ...FLOW_REST,
    ...over,
  };
}

interface FlowRow {
  readonly name: string;
  readonly ends: Ends;
  readonly isDenied: boolean;
  /** By default what is not denied is allowed. */
  readonly isAllowed?: boolean;
}

const FLOW_ROWS: readonly FlowRow[] = [
  { name: 'what is let in', ends: { from: B, to: A }, isDenied: false },
  { name: 'another port than is let in', ends: { from: B, to: A, port: 54 }, isDenied: true },
  { name: 'whom nothing lets in', ends: { from: C, to: A }, isDenied: true },
  { name: 'whom nothing lets in by way of a Service', ends: { from: C, by: VIP, to: A }, isDenied: true },
  { name: 'the outside, which nothing lets in', ends: { from: OUTSIDE, to: A }, isDenied: true },
  { name: 'what goes where it may', ends: { from: A, to: C }, isDenied: false },
  { name: 'what goes where it may by way of a Service', ends: { from: A, by: VIP, to: C }, isDenied: false },
  { name: 'what goes elsewhere', ends: { from: A, to: B }, isDenied: true },
  { name: 'the pod itself', ends: { from: A, by: VIP, to: A }, isDenied: false },
  { name: 'the own node, either way', ends: { from: NODE, to: A }, isDenied: false, isAllowed: false },
  { name: 'what goes to the own node', ends: { from: A, to: NODE }, isDenied: false, isAllowed: false },
  {
    name: 'a pod that nobody has told of',
    ends: { from: SOMEBODY, to: A },
    isDenied: false,
    isAllowed: false,
  },
  { name: 'pods that no policy is about', ends: { from: C, to: OPEN }, isDenied: false },
  { name: 'what passes through', ends: { from: B, to: C }, isDenied: false },
];

for (const { name, ends, isDenied, isAllowed = !isDenied } of FLOW_ROWS) {
  test(`isDeniedFlow() ${isDenied ? 'takes' : 'leaves'} ${name}`, () => {
    assert.equal(isDeniedFlow(TABLE, aFlow(ends)), isDenied);
  });

  test(`isAllowedFlow() ${isAllowed ? 'takes' : 'leaves'} ${name}`, () => {
    assert.equal(isAllowedFlow(TABLE, aFlow(ends)), isAllowed);
  });
}

for (const { name, over, isJudged } of [
  { name: 'datagrams', over: {}, isJudged: true },
  { name: 'streams', over: { protocol: 6 }, isJudged: true },
  { name: 'associations', over: { protocol: 132 }, isJudged: true },
  { name: 'what has no ports', over: { protocol: 1 }, isJudged: false },
  { name: 'somebody else’s zone', over: { zone: 7 }, isJudged: false },
  { name: 'a stream that both ends have closed', over: { protocol: 6, isOver: true }, isJudged: false },
  { name: 'what is denied already', over: { mark: 0x5000_0000 }, isJudged: false },
]) {
  test(`isJudgedFlow() ${isJudged ? 'takes' : 'leaves'} ${name}`, () => {
    assert.equal(isJudgedFlow(aFlow({ from: C, to: A }, over)), isJudged);
  });
}

test('isDeniedFlow() judges by the transport; what has no ports is another matter', () => {
  const ends = { from: B, to: A };
  const flows = [17, 6, 132, 1].map((protocol) => aFlow(ends, { protocol }));
  assert.deepEqual(
    flows.map((it) => isDeniedFlow(TABLE, it)),
    [false, true, true, true],
  );
});

test('isMarkedDenied() looks at its own bit, outside of zones alone', () => {
  const marks = [0x1000_0000, 0x5000_0000, 0x6fff_ffff, 0].map((mark) => aFlow({ from: C, to: A }, { mark }));
  assert.deepEqual(marks.map(isMarkedDenied), [true, true, false, false]);
  assert.equal(isMarkedDenied(aFlow({ from: C, to: A }, { mark: 0x1000_0000, zone: 7 })), false);
});
