// `fairlead version`.

import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { printForMachine } from './output.ts';

export function versionCommand(options: { readonly output?: string }): void {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(text) as { version: string };
  const versions = { fairlead: version, node: process.versions.node, kernel: release() };
  if (printForMachine(versions, options.output)) return;
  process.stdout.write(`fairlead ${version}\nnode ${versions.node}\nkernel ${versions.kernel}\n`);
}
