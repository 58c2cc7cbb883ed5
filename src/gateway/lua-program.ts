// Our program inside of HAProxy, put together of its parts.

import { readFile } from 'node:fs/promises';
import { SHOWN_BYTES, type Telemetry } from '../model/gateway.ts';
import type { ProxyPlace } from './proxy-place.ts';
import { luaText } from './proxy-text.ts';

/** In their order: a part knows those before it. */
const PARTS = [
  'trees',
  'matching',
  'asking',
  'filters',
  'messages',
  'authorizing',
  'rules',
  'passwords',
  'auth-request',
  'limits',
  'client-certificates',
  'routing',
  'mirroring',
];

/** One file, since HAProxy 2.6 gives neither arguments nor names of their own to what it loads per thread. */
export async function readLua({ folder, threads }: ProxyPlace): Promise<string> {
  const parts = PARTS.map((it) => readFile(new URL(`lua/${it}.lua`, import.meta.url), 'utf8'));
  const text = (await Promise.all(parts)).join('\n');
  return text
    .replace('@folder@', () => luaText(folder))
    .replace('@threads@', String(threads))
    .replace('@shown@', String(SHOWN_BYTES));
}

/** The program as it is to be for these requests. */
export function luaWith(program: string, telemetry: Telemetry | undefined): string {
  return program.replace('@telemetry@', telemetry === undefined ? '' : 'yes');
}
