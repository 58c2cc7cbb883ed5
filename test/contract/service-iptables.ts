// The Service contract of the iptables backend in a flavour; each has a test file, for each takes its time.

import type { IptablesFlavour } from '../../src/sys/iptables.ts';
import { iptablesBackend } from './service-backends.ts';
import { runServiceContract } from './service-contract.ts';

/** `only`: the transports whose rows are run, unless FAIRLEAD_ALL_ROWS is set. */
export function runIptablesContract(flavour: IptablesFlavour, only: RegExp): void {
  const name = `service-iptables (${flavour})`;
  runServiceContract({
    name,
    makeBackend: iptablesBackend(flavour),
    ...(process.env['FAIRLEAD_ALL_ROWS'] === undefined ? { only } : {}),
  });
}
