// The last zone on disk, so that names resolve from the first moment after a restart: one JSON line per entry between a head and an end.

import { open, rename, unlink } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { FairleadError, messageOf } from '../base/errors.ts';
import { nameEntryKey, type NameEntry, type NameZone } from '../model/names.ts';
import { parseNameEntry, parsePrefixes, type KnownPorts, recordOf, revisionOf } from './zone-json.ts';

export interface StoredZone {
  readonly zone: NameZone;
  readonly revision: number;
}

const FORMAT = 'fairlead-zone/1';
const LINES_PER_WRITE = 256;
/** No entry comes near it (a headless Service of 5000 endpoints takes one megabyte). */
const MAX_FILE_BYTES = 512 << 20;

/** Writes beside the file and renames over it: a crash leaves the old zone or the new one, never a part. */
export async function writeZoneFile(path: string, stored: StoredZone): Promise<void> {
  const partial = `${path}.partial`;
  try {
    const file = await open(partial, 'w', 0o600);
    try {
      for (const lines of zoneLines(stored)) await file.writeFile(lines);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, path);
  } catch (error) {
    await unlink(partial).catch(() => undefined);
    throw new FairleadError('internal', `Cannot write zone file ${path}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** The stored zone; throws `not-found` where there is no file and `invalid` where it is not whole. */
export async function readZoneFile(path: string): Promise<StoredZone> {
  const file = await open(path, 'r').catch((error: unknown) => {
    const isAbsent = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const code = isAbsent ? 'not-found' : 'unavailable';
    throw new FairleadError(code, `Cannot read zone file ${path}: ${messageOf(error)}`, { cause: error });
  });
  try {
    const { size } = await file.stat();
    if (size > MAX_FILE_BYTES) throw new FairleadError('invalid', `${size} octets are too many`);
    return await readStream(file.createReadStream());
  } catch (error) {
    throw new FairleadError('invalid', `Cannot read zone file ${path}: ${messageOf(error)}`, {
      cause: error,
    });
  } finally {
    await file.close();
  }
}

/** Some lines at a time, so that a large zone is never one text in memory. */
function* zoneLines({ zone, revision }: StoredZone): Generator<string> {
  const head = { format: FORMAT, revision, prefixes: zone.prefixes };
  let lines = [JSON.stringify(head)];
  for (const entry of zone.entries.values()) {
    lines.push(JSON.stringify(entry));
    if (lines.length < LINES_PER_WRITE) continue;
    yield `${lines.join('\n')}\n`;
    lines = [];
  }
  lines.push(JSON.stringify({ end: zone.entries.size }));
  yield `${lines.join('\n')}\n`;
}

/** Ends the stream before it returns: one that still reads when its file is closed would throw at nobody. */
async function readStream(input: Readable): Promise<StoredZone> {
  try {
    return await readLines(input);
  } finally {
    input.destroy();
    await finished(input).catch(() => undefined); // Cut off on purpose, or reported by the lines already.
  }
}

async function readLines(input: NodeJS.ReadableStream): Promise<StoredZone> {
  const entries = new Map<string, NameEntry>();
  const known: KnownPorts = new Map();
  let head: Readonly<Record<string, unknown>> | undefined;
  let end: unknown;
  for await (const line of createInterface({ input, crlfDelay: Infinity })) {
    const value = recordOf(JSON.parse(line), 'line');
    if (head === undefined) head = value;
    else if (end !== undefined) throw new FairleadError('invalid', 'lines behind the end');
    else if ('end' in value) end = value['end'];
    else {
      const entry = parseNameEntry(value, known);
      entries.set(nameEntryKey(entry), entry);
    }
  }
  if (head?.['format'] !== FORMAT) throw new FairleadError('invalid', 'the head is not that of a zone');
  if (end !== entries.size) throw new FairleadError('invalid', 'the end is missing');
  const zone = { prefixes: parsePrefixes(head['prefixes']), entries };
  return { zone, revision: revisionOf(head['revision']) };
}
