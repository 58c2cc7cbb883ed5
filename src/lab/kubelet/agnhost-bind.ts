// The program /agnhost for exec into stand-ins of the agnhost image: a script that starts our own, from where this
// installation lies.

import { chmod, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Container } from '../../objects/api-types.ts';
import type { LaunchBind } from './launch-spec.ts';
import { imageName } from './image-name.ts';

const INSTALLATION = new URL('../../../', import.meta.url).pathname.replace(/\/$/, '');

/** Writes the script. */
export async function writeAgnhostScript(file: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  const program = `${INSTALLATION}/src/lab/workload/agnhost-cli.ts`;
  await writeFile(file, `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`);
  await chmod(file, 0o755);
}

/** Empty for other images. The installation is bound as well: it may lie in a folder that pods see empty. */
export function agnhostBinds(container: Container, script: string): readonly LaunchBind[] {
  if (imageName(container.image ?? '') !== 'agnhost') return [];
  return [
    { source: INSTALLATION, target: INSTALLATION, isReadOnly: true },
    { source: script, target: '/agnhost', isReadOnly: true },
  ];
}
