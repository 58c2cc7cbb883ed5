// The IPVS backend through the engine, on a kernel that refuses one operation in ten, with flows that come and go: whatever way was gone, the
// end is what the last state asks for and nothing more, and on the way packets are led only where one of the states leads them that were
// asked for. That what is asked for means what the oracle says, service-backends.test.ts holds.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseIp, type Ip } from '../../src/base/ip.ts';
import { ipvsFrontendParts } from '../../src/backends/service-ipvs/backend.ts';
import type { IpvsKernel } from '../../src/backends/service-ipvs/kernel.ts';
import { observeRows } from '../../src/backends/service-ipvs/observe.ts';
import { IPVS_RENDERING } from '../../src/backends/service-ipvs/render.ts';
import { isSameRow, type IpvsRow } from '../../src/backends/service-ipvs/row.ts';
import { renderFrontends } from '../../src/backends/shared-node/service-backend.ts';
import type { ServiceView } from '../../src/model/network.ts';
import { aFakeIpvsKernel } from '../support/fake-ipvs-kernel.ts';
import { meantPicture, metBy, metIn, pictureOf } from './ipvs-looks.ts';
import {
  FAULT_SHARE,
  MomentJudge,
  ofAnyWay,
  Refusals,
  seeded,
  travel,
  type Journey,
} from './refusing-kernel.ts';

type Rows = ReadonlyMap<string, IpvsRow>;

/** Endpoints of random clusters, which may have flows. */
const POD_IPS = [1, 2, 3, 4].flatMap((it) => [`10.244.1.${it}`, `fd00:10:244:1::${it}`].map(parseIp));
/** How often flows of an endpoint begin or end: by what is asked of the kernel. */
const FLOW_SHARE = 0.02;
/** One look at the whole is dozens of lists: were one in ten refused, none would succeed. */
const LIST_SHARE = 0.1;

function meant(view: ServiceView): Rows {
  return renderFrontends(IPVS_RENDERING, view);
}

interface Trip {
  readonly end: IpvsKernel;
  readonly faults: number;
  readonly complaints: readonly string[];
}

async function run({ steps, random }: Pick<Journey<string>, 'steps' | 'random'>): Promise<Trip> {
  const refusals = new Refusals(random, 0);
  const judge = new MomentJudge<string>((it) => it);
  const moments: (() => Promise<void>)[] = [];
  let hasFlows = true;
  const { kernel, ipvs, copy } = await aFakeIpvsKernel({
    isRefused: (what) => {
      if (hasFlows && random() < FLOW_SHARE) toggle(ipvs.connections, random);
      return (what === 'change' || random() < LIST_SHARE) && refusals.isNext();
    },
    afterChange: () => {
      const [then, judgeThen] = [copy(), judge.now()];
      moments.push(async () => judgeThen(await metIn(then)));
    },
  });
  refusals.share = FAULT_SHARE;
  await travel({
    parts: ipvsFrontendParts(kernel),
    meant: (view) => metBy(meant(view)),
    judge,
    steps,
    random,
    atLast: () => {
      hasFlows = false;
      ipvs.connections.clear();
    },
  });
  for (const look of moments) await look();
  // An address that the device has for longer than somebody is led there is nobody's harm; at the end it is gone.
  const complaints = judge.complaints.filter((it) => !it.includes(' is carried, not one of '));
  return { end: copy(), faults: refusals.count, complaints };
}

function toggle(connections: Map<Ip, number>, random: () => number): void {
  const ip = POD_IPS[Math.floor(random() * POD_IPS.length)];
  if (ip !== undefined && !connections.delete(ip)) connections.set(ip, 1);
}

test('a kernel that refuses one operation in ten ends as the last state wants it, after any way, and never leads elsewhere', async () => {
  let faults = 0;
  await fc.assert(
    ofAnyWay(async ({ steps, last, seed }) => {
      const trip = await run({ steps, random: seeded(seed) });
      faults += trip.faults;
      const [wanted, seen] = [meant(last), await observeRows(trip.end)];
      assert.deepEqual(trip.complaints, []);
      assert.deepEqual(await pictureOf(trip.end), meantPicture(wanted));
      for (const [key, row] of wanted) assert.ok(isSameRow(row, seen.get(key) ?? assert.fail(key)), key);
    }),
    { numRuns: 100 },
  );
  // Without any fault nothing was proved.
  assert.ok(faults > 0);
});
