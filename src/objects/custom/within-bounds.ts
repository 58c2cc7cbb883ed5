// What authors of definitions make the server compute ends in bounded time: patterns and rules are theirs, and so may be the values.

import vm from 'node:vm';
import { FairleadError } from '../../base/errors.ts';
import { isObject } from '../json.ts';

const SCRIPT = new vm.Script('work()');

/** One for all calls, which are over before the next begins: to make a context takes milliseconds. */
const SANDBOX: { work: () => void } = { work: () => undefined };
const CONTEXT = vm.createContext(SANDBOX);

/** Runs `work`, ended by force after `limitMs`; throws `exhausted` then. What it had begun to change must not be used any more. */
export function withinBounds<T>(limitMs: number, work: () => T): T {
  let result: { readonly value: T } | undefined;
  const outer = SANDBOX.work;
  SANDBOX.work = () => {
    result = { value: work() };
  };
  try {
    SCRIPT.runInContext(CONTEXT, { timeout: limitMs });
  } catch (error) {
    if (!(isObject(error) && error['code'] === 'ERR_SCRIPT_EXECUTION_TIMEOUT')) throw error;
  } finally {
    SANDBOX.work = outer;
  }
  if (result === undefined) throw new FairleadError('exhausted', `it takes longer than ${limitMs} ms`);
  return result.value;
}
