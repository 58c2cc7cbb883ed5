// What the programs at pods' links do for policies, which the backends of policies hand to each other, and how often these have changed.

import { POLICY_MODES } from '../../base/policy-numbers.ts';
import type { Target } from '../../reconcile/target.ts';
import type { NodeMaps } from './node-maps.ts';

type PolicyStateMap = Pick<NodeMaps, 'policyState'>;

/** One of `POLICY_MODES`. */
export function policyMode({ policyState }: PolicyStateMap): number {
  return policyState.lookup({ index: 0 })?.mode ?? POLICY_MODES.off;
}

export function setPolicyMode({ policyState }: PolicyStateMap, mode: number): void {
  const { epoch } = policyState.lookup({ index: 0 }) ?? { epoch: 0 };
  policyState.update({ index: 0 }, { epoch, mode });
}

/** Makes programs ask again whether each connection may be. */
export function growEpoch({ policyState }: PolicyStateMap): void {
  const { epoch, mode } = policyState.lookup({ index: 0 }) ?? { epoch: 0, mode: POLICY_MODES.off };
  policyState.update({ index: 0 }, { epoch: (epoch + 1) >>> 0, mode });
}

const SWITCH = 'switch';

export const SWITCHED_ON: ReadonlyMap<string, true> = new Map([[SWITCH, true]]);

/** One entry while the programs do at least `mode`. Leaving takes one step down: from judging to marking, by which others judge. */
export function policyModeTarget(name: string, maps: PolicyStateMap, mode: number): Target<true> {
  return {
    name,
    // oxlint-disable-next-line typescript/require-await -- the calls block; callers treat them as the I/O that they are
    observe: async () => (policyMode(maps) >= mode ? SWITCHED_ON : new Map()),
    isEqual: () => true,
    // oxlint-disable-next-line typescript/require-await -- as above
    update: async () => {
      if (policyMode(maps) < mode) setPolicyMode(maps, mode);
      return new Map();
    },
    // oxlint-disable-next-line typescript/require-await -- as above
    delete: async () => {
      if (policyMode(maps) === mode) setPolicyMode(maps, mode - 1);
      return new Map();
    },
    print: (verb) => [`${verb} mode ${mode} in the map policy_state`],
  };
}
