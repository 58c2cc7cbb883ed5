// Certificates, authorities and crt-lists of a running HAProxy, and the commands that change them. What was last committed is what the files say, which are written
// after each commit.

import { readFile } from 'node:fs/promises';
import { FairleadError } from '../base/errors.ts';
import type { HaproxySocket } from '../sys/haproxy-socket.ts';
import { BUFFER_BYTES } from './proxy-place.ts';
import type { PemFile, TlsFiles } from './render-tls.ts';

const COMMANDS = { certificate: 'cert', authorities: 'ca-file' } as const;

export interface Applied {
  readonly isChanged: boolean;
  readonly refused: readonly RefusedPem[];
}

/** HAProxy did not take a certificate; all else can go on without it. */
export interface RefusedPem {
  readonly path: string;
  readonly pem: string;
  readonly of: string;
  readonly reason: string;
}

export class RunningTls {
  readonly #socket: HaproxySocket;
  readonly #pems: Map<string, PemFile>;
  readonly #lists: Map<string, readonly string[]>;
  readonly #held = new Set<string>();

  private constructor(
    socket: HaproxySocket,
    pems: Map<string, PemFile>,
    lists: Map<string, readonly string[]>,
  ) {
    this.#socket = socket;
    this.#pems = pems;
    this.#lists = lists;
  }

  static async observe(socket: HaproxySocket, folder: string): Promise<RunningTls> {
    const pems = new Map<string, PemFile>();
    for (const kind of ['certificate', 'authorities'] as const)
      for (const line of await linesOf(socket, `show ssl ${COMMANDS[kind]}`)) {
        const path = line.replace(/ - \d+ certificate\(s\)$/, '');
        if (!path.startsWith(`${folder}/`)) continue;
        // Without its file it is not known what was committed: it is committed again.
        pems.set(path, { kind, pem: await readFile(path, 'utf8').catch(() => ''), of: path });
      }
    const lists = new Map<string, readonly string[]>();
    for (const path of await linesOf(socket, 'show ssl crt-list'))
      if (path.startsWith(`${folder}/`)) lists.set(path, await linesOf(socket, `show ssl crt-list ${path}`));
    return new RunningTls(socket, pems, lists);
  }

  /** Everything that is new, then who is shown what; gives what HAProxy did not take, and then nobody is shown anything else. */
  async add(desired: TlsFiles): Promise<Applied> {
    const refused: RefusedPem[] = [];
    // Authorities first: a crt-list's line may name them.
    const files = [...desired.pems].filter(([path, it]) => this.#pems.get(path)?.pem !== it.pem);
    for (const [path, file] of files.sort((a, b) => (a[1].kind < b[1].kind ? -1 : 1))) {
      const reason = await this.#commit(path, file);
      if (reason === undefined) this.#pems.set(path, file);
      else refused.push({ path, pem: file.pem, of: file.of, reason });
    }
    if (refused.length > 0) return { isChanged: true, refused };
    let isChanged = files.length > 0;
    for (const [path, wanted] of desired.lists) {
      const current = this.#lists.get(path) ?? [];
      const added = wanted.filter((it) => !current.includes(it));
      // HAProxy takes one line at a time.
      for (const line of added) await this.#expect(`add ssl crt-list ${path} <<\n${line}\n\n`, 'Success!');
      isChanged ||= added.length > 0;
      this.#lists.set(path, [...current, ...added]);
    }
    return { isChanged, refused };
  }

  /** What nothing uses any more; gives whether there was anything. What HAProxy held to the last time is tried again where something else has changed. */
  async prune(desired: TlsFiles, isOther: boolean): Promise<boolean> {
    let isChanged = false;
    for (const [path, wanted] of desired.lists)
      isChanged = (await this.#pruneList(path, new Set(wanted))) || isChanged;
    for (const [path, { kind }] of this.#pems) {
      if (desired.pems.has(path) || (this.#held.has(path) && !isOther && !isChanged)) continue;
      isChanged = true;
      this.#held.delete(path);
      const reply = await this.#socket.send(`del ssl ${COMMANDS[kind]} ${path}\n`);
      // A connection or a resting server may have it still: it goes with the next reload.
      if (/deleted!/.test(reply)) this.#pems.delete(path);
      else if (/in use/.test(reply)) this.#held.add(path);
      else throw refusal(`del ssl ${COMMANDS[kind]} ${path}`, reply);
    }
    return isChanged;
  }

  async #pruneList(path: string, wanted: ReadonlySet<string>): Promise<boolean> {
    const current = this.#lists.get(path) ?? [];
    if (current.every((it) => wanted.has(it))) return false;
    // "/path/cert.pem:12 [verify none] name": a line is removed by its number.
    for (const numbered of await linesOf(this.#socket, `show ssl crt-list -n ${path}`)) {
      const [, file = '', number = '', rest = ''] = /^(\S+):(\d+)(.*)$/.exec(numbered) ?? [];
      if (!wanted.has(`${file}${rest}`))
        await this.#expect(`del ssl crt-list ${path} ${file}:${number}\n`, 'deleted');
    }
    this.#lists.set(
      path,
      current.filter((it) => wanted.has(it)),
    );
    return true;
  }

  /** Why HAProxy does not take it; undefined where it does. */
  async #commit(path: string, { kind, pem }: PemFile): Promise<string | undefined> {
    const command = COMMANDS[kind];
    const set = `set ssl ${command} ${path} <<\n${pem}\n`;
    if (Buffer.byteLength(set) >= BUFFER_BYTES) return 'it is too long to be changed at run time';
    const isNew = !this.#pems.has(path);
    if (isNew) await this.#expect(`new ssl ${command} ${path}\n`, /^New /);
    const created = await this.#socket.send(set);
    const reply = /transaction (?:created|updated)/i.test(created)
      ? await this.#socket.send(`commit ssl ${command} ${path}\n`)
      : created;
    if (/^Success!$/m.test(reply)) return undefined;
    await this.#socket.send(`abort ssl ${command} ${path}\n`);
    if (isNew) await this.#socket.send(`del ssl ${command} ${path}\n`);
    return reply.trim().split('\n').at(0)?.slice(0, 300) ?? 'no reply';
  }

  async #expect(command: string, expected: string | RegExp): Promise<void> {
    const reply = await this.#socket.send(command);
    const isThere = typeof expected === 'string' ? reply.includes(expected) : expected.test(reply);
    if (!isThere) throw refusal(command.split('\n', 1)[0] ?? '', reply);
  }
}

async function linesOf(socket: HaproxySocket, command: string): Promise<readonly string[]> {
  const reply = await socket.send(`${command}\n`);
  return reply.split('\n').filter((it) => it !== '' && !it.startsWith('#'));
}

function refusal(command: string, reply: string): FairleadError {
  return new FairleadError('kernel', `Cannot run "${command}" in HAProxy: ${reply.trim().slice(0, 500)}`);
}
