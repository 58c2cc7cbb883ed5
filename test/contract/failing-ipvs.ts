// The doors of the IPVS backend, which refuse now and then before anything is done: one change in ten, one look in a hundred. By their number:
// that some fail is sure.

import type { FairleadError } from '../../src/base/errors.ts';
import type { ElementTable } from '../../src/backends/service-ipvs/element-table.ts';
import type { IpvsKernel } from '../../src/backends/service-ipvs/kernel.ts';
import { kernelError } from '../../src/sys/errno.ts';
import type { Ipvs } from '../../src/sys/ipvs.ts';

const ENOBUFS = 105;
const CHANGES_PER_FAULT = 10;
const LOOKS_PER_FAULT = 100;

export function failingIpvsKernel({ ipvs, netlink, table, ...rest }: IpvsKernel): IpvsKernel {
  const change = faults(CHANGES_PER_FAULT);
  const look = faults(LOOKS_PER_FAULT);
  return {
    ...rest,
    ipvs: failingIpvs(ipvs, change, look),
    netlink: {
      link: (name) => look.orElse(() => netlink.link(name)),
      addresses: (link) => look.orElse(() => netlink.addresses(link)),
      apply: (changes) => change.orElse(() => netlink.apply(changes)),
    },
    table: failingTable(table, change, look),
  };
}

interface Faults {
  next(): FairleadError | undefined;
  orElse<T>(work: () => Promise<T>): Promise<T>;
}

function faults(every: number): Faults {
  let count = 0;
  const next = (): FairleadError | undefined =>
    ++count % every === 3
      ? kernelError({ action: `do operation ${count}`, errno: ENOBUFS, detail: 'fault on purpose' })
      : undefined;
  return {
    next,
    orElse: async (work) => {
      const fault = next();
      if (fault !== undefined) throw fault;
      return work();
    },
  };
}

function failingIpvs(ipvs: Ipvs, change: Faults, look: Faults): Ipvs {
  return {
    isPresent: () => ipvs.isPresent(),
    services: () => look.orElse(() => ipvs.services()),
    destinations: (key) => look.orElse(() => ipvs.destinations(key)),
    // Each stands for itself, as in the kernel: what comes after one that was refused happens.
    apply: (changes) => {
      const refusals = new Map<number, FairleadError>();
      for (const [at, it] of changes.entries()) {
        const refusal = change.next() ?? ipvs.apply([it]).get(0);
        if (refusal !== undefined) refusals.set(at, refusal);
      }
      return refusals;
    },
    close: () => ipvs.close(),
  };
}

function failingTable(table: ElementTable, change: Faults, look: Faults): ElementTable {
  return {
    list: (sets) => look.orElse(() => table.list(sets)),
    find: (element) => look.orElse(() => table.find(element)),
    hasFrontends: () => look.orElse(() => table.hasFrontends()),
    mark: () => look.orElse(() => table.mark()),
    load: (script) => change.orElse(() => table.load(script)),
    // A transaction happens whole or not at all.
    change: (changes) => {
      const error = change.next();
      return error === undefined ? table.change(changes) : [{ at: 0, error }];
    },
  };
}
