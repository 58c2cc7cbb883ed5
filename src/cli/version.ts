// `fairlead version`.

import { release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { printForMachine } from './output.ts';
import { ownVersion } from '../sys/own-version.ts';

const HOME = new URL('../..', import.meta.url);

export function versionCommand(options: { readonly output?: string }): void {
  const version = ownVersion();
  const versions = {
    fairlead: version,
    node: process.versions.node,
    kernel: release(),
    architecture: process.arch,
    installation: fileURLToPath(HOME).replace(/\/$/, ''),
  };
  if (printForMachine(versions, options.output)) return;
  const rows = [
    ['fairlead', version],
    ['node', versions.node],
    ['kernel', versions.kernel],
    ...(options.output === 'wide'
      ? [
          ['architecture', versions.architecture],
          ['installation', versions.installation],
        ]
      : []),
  ];
  process.stdout.write(rows.map((row) => `${row.join(' ')}\n`).join(''));
}
