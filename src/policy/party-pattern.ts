// Names that stand for many: "shop/*" for all workloads of a namespace, "*/*" for all there are.

import { FairleadError } from '../base/errors.ts';
import { findParty } from './party.ts';
import type { PolicyWorld } from './policy-world.ts';
import { nameOfWorkload } from './workload.ts';

export interface PatternSettings {
  /** Where a name without a namespace is looked for. */
  readonly namespace: string;
  /** Names and patterns that a pattern does not stand for. */
  readonly except: readonly string[];
}

/** The text itself where it is no pattern. Throws `invalid` where nothing is left, or an exception is nobody. */
export function expandPattern(
  world: PolicyWorld,
  text: string,
  settings: PatternSettings,
): readonly string[] {
  const wanted = patternOf(text, settings.namespace);
  if (wanted === undefined) return [text];
  const { namespace, except } = settings;
  const excepted = new Set(
    except.flatMap((it) => {
      if (patternOf(it, namespace) !== undefined) return expandPattern(world, it, { namespace, except: [] });
      const party = findParty(world, it, namespace);
      return party.kind === 'workload' ? [nameOfWorkload(party.workload)] : [];
    }),
  );
  const names = world.workloads
    .filter((it) => wanted === '*' || it.namespace === wanted)
    .map(nameOfWorkload)
    .filter((it) => !excepted.has(it));
  if (names.length > 0) return names;
  throw new FairleadError('invalid', `Cannot find "${text}": no workload is left of it`);
}

/** The namespace that a pattern speaks of, "*" for all; undefined of a name. */
function patternOf(text: string, namespace: string): string | undefined {
  if (text === '*') return namespace;
  return text.endsWith('/*') ? text.slice(0, -2) : undefined;
}
