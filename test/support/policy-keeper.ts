// A policy backend's target in a node's kernel, asked anew each time as by an agent that starts.

import assert from 'node:assert/strict';
import { PolicyRenderer } from '../../src/backends/policy-iptables/render.ts';
import { policyRulesTarget } from '../../src/backends/policy-iptables/target.ts';
import { renderPolicies } from '../../src/backends/policy-nftables/render.ts';
import { policyTableTarget } from '../../src/backends/policy-nftables/target.ts';
import type { PolicyView } from '../../src/backends/shared-node/policy-backend.ts';
import { deltasOf } from '../../src/base/deltas.ts';
import type { Target } from '../../src/reconcile/target.ts';
import type { IptablesFlavour } from '../../src/sys/iptables.ts';
import { openNfTables } from '../../src/sys/nf-tables.ts';
import type { OpenKeeper } from './policy-nodes-lab.ts';

const SIGNAL = new AbortController().signal;

export interface PolicyKeeper {
  /** Brings the kernel to what the view says, and reads it back; how many entries were others. */
  keep(view: PolicyView): Promise<number>;
  /** Removes all of it. */
  leave(): Promise<void>;
}

export const keepByNftables: OpenKeeper = ({ netns, conntrack, lifetime }) => {
  const tables = lifetime.own('tables', openNfTables(netns), (it) => it.close());
  return keeperOf(() => policyTableTarget({ tables, conntrack, place: { netns } }), renderPolicies);
};

export function keepByIptables(flavour: IptablesFlavour): OpenKeeper {
  return ({ netns, conntrack }) => {
    const renderer = new PolicyRenderer();
    return keeperOf(
      () => policyRulesTarget({ flavour, netns }, conntrack),
      (view) => renderer.render(view),
    );
  };
}

function keeperOf<T>(
  openTarget: () => Target<T>,
  render: (view: PolicyView) => ReadonlyMap<string, T>,
): PolicyKeeper {
  const differences = async (target: Target<T>, desired: ReadonlyMap<string, T>) => {
    const seen = await target.observe(SIGNAL);
    const { add, change, remove } = deltasOf(desired, seen, (a, b) => target.isEqual(b, a));
    return {
      seen,
      wrong: new Map([...desired].filter(([key]) => add.has(key) || change.has(key))),
      count: add.size + change.size + remove.size,
    };
  };
  return {
    keep: async (view) => {
      const [target, desired] = [openTarget(), render(view)];
      const { seen, wrong, count } = await differences(target, desired);
      if (wrong.size > 0) assert.deepEqual(await target.update(wrong, SIGNAL, seen), new Map());
      for (const it of [target, openTarget()])
        assert.equal((await differences(it, desired)).count, 0, 'what is read back is what was written');
      return count;
    },
    leave: async () => {
      const target = openTarget();
      assert.deepEqual(await target.delete(await target.observe(SIGNAL), SIGNAL), new Map());
      assert.deepEqual(await target.observe(SIGNAL), new Map());
    },
  };
}
