// `fairlead version`.

import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { printForMachine } from './output.ts';

const HOME = new URL('../..', import.meta.url);

export function versionCommand(options: { readonly output?: string }): void {
  // Our own file.
  const { version } = JSON.parse(readFileSync(new URL('package.json', HOME), 'utf8')) as { version: string };
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
