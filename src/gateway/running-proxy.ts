// One running HAProxy as its command socket shows it, and the commands that change it. Every reply is read: what HAProxy did not say yes to has not happened,
// and what was believed of it is then looked at anew.

import { FairleadError } from '../base/errors.ts';
import { tryParseIp } from '../base/ip.ts';
import type { HaproxySocket } from '../sys/haproxy-socket.ts';
import { mapChanges, mapCommands } from './map-commands.ts';
import {
  observeBusyServers,
  observeMap,
  observeProcess,
  observeServers,
  type SeenProcess,
} from './observe.ts';
import { BUFFER_BYTES, type ProxyFiles } from './proxy-place.ts';
import { SERVER_POOL, serverAddress } from './render-backends.ts';
import { MAP_NAMES, type MapName, type ProxyMaps } from './map-lines.ts';
import { RunningTls, type Applied } from './running-tls.ts';
import { planServers, type ServerChange, type ServerPlan, type ServerSlot } from './server-slots.ts';
import type { DesiredProxy } from './desired.ts';
import type { DesiredServers } from './rendered-servers.ts';

/** What servers' commands may answer; all else is a refusal. */
const FINE = /^(?:IP changed from .*|port changed from .*|no need to change .*|New server registered\.)$/;
/** A line of commands stays well below the buffer. */
const LINE_CHARACTERS = BUFFER_BYTES / 2;

interface Seen {
  readonly process: SeenProcess;
  readonly maps: ProxyMaps;
  readonly servers: Map<string, readonly ServerSlot[]>;
  readonly tls: RunningTls;
}

export class RunningProxy {
  readonly #socket: HaproxySocket;
  readonly #files: ProxyFiles;
  /** No change but a restart or a reload makes another one of it. */
  readonly process: SeenProcess;
  #maps: ProxyMaps;
  readonly #tls: RunningTls;
  #servers: ReadonlyMap<string, readonly ServerSlot[]>;
  /** What the servers have been brought to. */
  #reached: ReadonlyMap<string, DesiredServers> = new Map();

  private constructor(socket: HaproxySocket, files: ProxyFiles, seen: Seen) {
    this.#socket = socket;
    this.#files = files;
    this.process = seen.process;
    this.#maps = seen.maps;
    this.#tls = seen.tls;
    this.#servers = seen.servers;
  }

  /** `optionsOf`: what a server was made with, where that is known. */
  static async observe(
    socket: HaproxySocket,
    files: ProxyFiles,
    optionsOf: (backend: string, server: string) => string | undefined,
  ): Promise<RunningProxy> {
    const process = await observeProcess(socket);
    const maps = {} as Record<MapName, Map<string, string>>;
    for (const name of MAP_NAMES) maps[name] = await observeMap(socket, files.map(name));
    const servers = new Map<string, readonly ServerSlot[]>();
    for (const [backend, list] of await observeServers(socket))
      servers.set(
        backend,
        list.map((it) => ({
          ...it,
          ip: tryParseIp(it.ip) ?? it.ip,
          options: optionsOf(backend, it.name) ?? UNKNOWN,
        })),
      );
    const tls = await RunningTls.observe(socket, files.folder);
    return new RunningProxy(socket, files, { process, maps, servers, tls });
  }

  get servers(): ReadonlyMap<string, readonly ServerSlot[]> {
    return this.#servers;
  }

  get maps(): ProxyMaps {
    return this.#maps;
  }

  /**
   * Make before break: certificates and servers, then what leads to them, then what nothing leads to any more. Where HAProxy does not take a certificate nothing
   * else has been changed yet: what is desired has to do without it.
   */
  async apply(desired: DesiredProxy): Promise<Applied> {
    const { isChanged, refused } = await this.#tls.add(desired.tls);
    if (refused.length > 0) return { isChanged, refused };
    const rests: [string, ServerChange][] = [];
    const starts: [string, ServerChange][] = [];
    const planned = new Map<string, readonly ServerSlot[]>();
    for (const [backend, wanted] of this.#unreached(desired)) {
      const current = this.#servers.get(backend) ?? [];
      const plan = await this.#planServers(backend, current, wanted);
      if (plan.changes.length === 0) continue;
      planned.set(backend, plan.servers);
      for (const change of plan.changes) (change.kind === 'rest' ? rests : starts).push([backend, change]);
    }
    const changes = MAP_NAMES.map((name) => ({ name, ...mapChanges(this.#maps[name], desired.maps[name]) }));
    await this.#runAll(starts);
    for (const { name, set } of changes) await this.#setLines(name, set);
    for (const { name, gone } of changes.toReversed()) await this.#removeLines(name, gone);
    await this.#runAll(rests);
    const isLed = starts.length + rests.length > 0 || changes.some((it) => it.set.size + it.gone.length > 0);
    const isOther = isChanged || isLed;
    const isPruned = await this.#tls.prune(desired.tls, isOther);
    // Every command was taken, or nobody looks at this again.
    if (planned.size > 0) this.#servers = withAll(this.#servers, planned);
    this.#reached = desired.servers;
    this.#maps = desired.maps;
    return { isChanged: isOther || isPruned, refused };
  }

  #unreached({ servers }: DesiredProxy): readonly (readonly [string, DesiredServers])[] {
    if (servers === this.#reached) return [];
    const unreached: [string, DesiredServers][] = [];
    servers.forEach((it, backend) => {
      if (this.#reached.get(backend) !== it) unreached.push([backend, it]);
    });
    return unreached;
  }

  /** What connections a server has is asked only where it is to get another address. */
  async #planServers(
    backend: string,
    current: readonly ServerSlot[],
    wanted: DesiredServers,
  ): Promise<ServerPlan> {
    const plan = planServers(current, wanted, () => false);
    const isMoved = ({ kind, server }: ServerChange): boolean =>
      kind === 'use' &&
      current.some((it) => it.name === server.name && (it.ip !== server.ip || it.port !== server.port));
    if (!plan.changes.some(isMoved)) return plan;
    const busy = await observeBusyServers(this.#socket, backend);
    return planServers(current, wanted, (it) => busy.has(`${backend}/${it.name}`));
  }

  async #runAll(changes: readonly [string, ServerChange][]): Promise<void> {
    let line = '';
    for (const [backend, change] of changes) {
      const command = serverCommand(backend, change);
      if (line.length + command.length > LINE_CHARACTERS) {
        await this.#run(line);
        line = '';
      }
      line += line === '' ? command : `;${command}`;
    }
    if (line !== '') await this.#run(line);
  }

  async #run(line: string): Promise<void> {
    const replies = (await this.#socket.send(`${line}\n`)).split('\n').filter((it) => it !== '');
    const refusal = replies.find((it) => !FINE.test(it));
    if (refusal !== undefined) throw refused(line, refusal);
  }

  async #setLines(name: MapName, lines: ReadonlyMap<string, string>): Promise<void> {
    for (const command of mapCommands(this.#files.map(name), lines, this.#maps[name]))
      await this.#expectNothing(command);
  }

  async #removeLines(name: MapName, keys: readonly string[]): Promise<void> {
    for (const command of mapCommands(this.#files.map(name), keys, this.#maps[name]))
      await this.#expectNothing(command);
  }

  async #expectNothing(command: string): Promise<void> {
    const reply = (await this.#socket.send(command)).trim();
    if (reply !== '') throw refused(command, reply);
  }
}

function withAll<T>(map: ReadonlyMap<string, T>, more: ReadonlyMap<string, T>): ReadonlyMap<string, T> {
  const all = new Map(map);
  for (const [key, value] of more) all.set(key, value);
  return all;
}

/** No server that has it is used again: it is not known how it speaks. */
const UNKNOWN = '?';

function serverCommand(backend: string, { kind, server }: ServerChange): string {
  const name = `${backend}/${server.name}`;
  switch (kind) {
    case 'add':
      return [
        `add server ${name} ${serverAddress(server.ip, server.port)} ${SERVER_POOL}`,
        server.options === '' ? '' : ` ${server.options}`,
        `;set server ${name} state ready`,
      ].join('');
    case 'use':
      return `set server ${name} addr ${server.ip} port ${server.port};set server ${name} state ready`;
    case 'rest':
      return `set server ${name} state maint`;
    default:
      return kind satisfies never;
  }
}

function refused(command: string, reply: string): FairleadError {
  const [line = ''] = command.split('\n', 1);
  return new FairleadError('kernel', `Cannot run "${line.slice(0, 200)}" in HAProxy: ${reply.slice(0, 500)}`);
}
