// The version of this installation, as its package says it.

import { readFileSync } from 'node:fs';

export function ownVersion(): string {
  // Our own file.
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}
