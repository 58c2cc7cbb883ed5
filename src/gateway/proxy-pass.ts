// One pass over a HAProxy: what is desired of it, what it is, and the commands, files and seldom the reload between the two. After a pass the files say what the process
// does, so that it comes back as it was however it ends.

import type { Logger } from 'pino';
import type { Clock } from '../base/clock.ts';
import { FairleadError, hasCode, messageOf } from '../base/errors.ts';
import type { ProxyModel, ProxyPort } from '../model/gateway.ts';
import { haproxySocket, type HaproxySocket } from '../sys/haproxy-socket.ts';
import { planSlots } from './backend-slots.ts';
import { renderDesired, RenderedBefore, type DesiredProxy } from './desired.ts';
import { whyNotFree } from './free-ports.ts';
import { readLua } from './lua-program.ts';
import { observeProcess } from './observe.ts';
import { PemJudge } from './pem-judge.ts';
import { ProxyFolder } from './proxy-files.ts';
import { BUFFER_BYTES, proxyFiles, type ProxyFiles, type ProxyPlace } from './proxy-place.ts';
import { readState, stateText, type ProxyState } from './proxy-state.ts';
import { checkConfig, reload } from './reload.ts';
import type { ProxyMaps } from './map-lines.ts';
import type { UsablePem } from './render-tls.ts';
import { RunningProxy } from './running-proxy.ts';
import { firstServers, type ServerSlot } from './server-slots.ts';

export interface ProxyPassOptions {
  readonly place: ProxyPlace;
  readonly program: string;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface ProxyReport {
  /** Since the driver was opened. */
  readonly reloads: number;
  /** What is not as the model wants it, and why: ports ("port 80"), certificates, authorities, rules and backends by their ids. */
  readonly problems: ReadonlyMap<string, string>;
}

export interface ProxyPass {
  run(model: ProxyModel): Promise<ProxyReport>;
  backendOf(slot: string): string | undefined;
}

export async function openProxyPass(options: ProxyPassOptions): Promise<ProxyPass> {
  const files = proxyFiles(options.place.folder);
  const folder = new ProxyFolder(files);
  const lua = await readLua(options.place);
  const state = await readState(files.state, (problem) =>
    options.log.info({ problem }, 'the proxy is assigned anew'),
  );
  return new Pass({ ...options, files, folder, lua, state, judge: new PemJudge(await folder.readPems()) });
}

interface PassInput extends ProxyPassOptions {
  readonly files: ProxyFiles;
  readonly folder: ProxyFolder;
  readonly lua: string;
  readonly state: ProxyState;
  readonly judge: PemJudge;
}

class Pass implements ProxyPass {
  readonly #input: PassInput;
  readonly #admin: HaproxySocket;
  readonly #master: HaproxySocket;
  #state: ProxyState;
  readonly #rendered = new RenderedBefore();
  #running: RunningProxy | undefined;
  #reloads = 0;

  constructor(input: PassInput) {
    this.#input = input;
    this.#state = input.state;
    const socket = (path: string): HaproxySocket =>
      haproxySocket({ path, bufferBytes: BUFFER_BYTES, signal: input.signal });
    this.#admin = socket(input.files.adminSocket);
    this.#master = socket(input.files.masterSocket);
  }

  backendOf(slot: string): string | undefined {
    return this.#state.slots.find((it) => it.name === slot)?.backend;
  }

  async run(model: ProxyModel): Promise<ProxyReport> {
    try {
      return await this.#run(model);
    } catch (error) {
      // What is believed of the process may be wrong now: it is looked at anew.
      this.#running = undefined;
      throw error;
    }
  }

  async #run(model: ProxyModel): Promise<ProxyReport> {
    const { judge } = this.#input;
    const blocked = new Set<number>();
    for (;;) {
      judge.begin();
      const { ports, problems } = this.#openable(model.ports, blocked);
      const desired = this.#desired({ ...model, ports });
      if (!(await this.#converge(desired, blocked))) continue;
      judge.keep(desired.tls.pems);
      return {
        reloads: this.#reloads,
        problems: new Map([...problems, ...judge.problems, ...desired.problems]),
      };
    }
  }

  #openable(
    ports: readonly ProxyPort[],
    blocked: ReadonlySet<number>,
  ): {
    readonly ports: readonly ProxyPort[];
    readonly problems: Map<string, string>;
  } {
    const problems = new Map<string, string>();
    const open = new Set(this.#state.ports);
    const openable = ports.filter(({ port }) => {
      const looked = open.has(port) ? undefined : whyNotFree(port, this.#input.place);
      const reason = blocked.has(port) ? 'HAProxy could not open it' : looked;
      if (reason !== undefined) problems.set(`port ${port}`, reason);
      return reason === undefined;
    });
    return { ports: openable, problems };
  }

  #desired(model: ProxyModel): DesiredProxy {
    const { place, lua, judge } = this.#input;
    const { slots } = planSlots(this.#state.slots, model.backends);
    // Kept also where the pass fails: what is half done goes by it.
    this.#state = { ...this.#state, slots };
    const usable: UsablePem = (path, file) => judge.usable(path, file);
    return renderDesired({ model, slots, place, lua, usable, before: this.#rendered });
  }

  /** False where something was refused that has to be left out. */
  async #converge(desired: DesiredProxy, blocked: Set<number>): Promise<boolean> {
    const { ports } = this.#state;
    const structure = this.#running?.process.structure ?? (await this.#structure());
    if (structure !== desired.structure.name) {
      this.#running = undefined;
      if (!(await this.#writeAnew(desired))) return false;
      // Fails where there is no process (yet): its starter has all that it needs now.
      if (structure === undefined) await observeProcess(this.#admin);
      else if (!(await this.#reload(desired))) return this.#block(desired.structure.ports, ports, blocked);
    }
    this.#running ??= await this.#observe();
    const { isChanged, refused } = await this.#running.apply(desired);
    for (const { path, pem, reason } of refused) this.#input.judge.refuse(path, pem, reason);
    if (refused.length > 0) return false;
    await this.#write(desired, this.#running.servers, this.#running.maps);
    // One that has been started anew meanwhile has read the files of before.
    if (isChanged && (await observeProcess(this.#admin)).pid !== this.#running.process.pid) {
      this.#running = undefined;
      return false;
    }
    return true;
  }

  /** Somebody was quicker than HAProxy at one of the new ports: it goes on without all of them, and the next pass tries again. */
  #block(wanted: readonly number[], before: readonly number[], blocked: Set<number>): false {
    this.#state = { ...this.#state, ports: before };
    const others = wanted.filter((it) => !before.includes(it) && !blocked.has(it));
    if (others.length === 0)
      throw new FairleadError('kernel', 'Cannot reload HAProxy: its new worker could not start');
    for (const port of others) blocked.add(port);
    return false;
  }

  #observe(): Promise<RunningProxy> {
    return RunningProxy.observe(
      this.#admin,
      this.#input.files,
      (backend, server) => this.#state.servers.get(backend)?.find((it) => it.name === server)?.options,
    );
  }

  /** Of the process that runs; undefined where none does, empty where it is none of ours. */
  async #structure(): Promise<string | undefined> {
    try {
      return (await observeProcess(this.#admin)).structure ?? '';
    } catch (error) {
      if (hasCode(error, 'unavailable')) return undefined;
      throw error;
    }
  }

  async #reload(desired: DesiredProxy): Promise<boolean> {
    const { clock, signal, log } = this.#input;
    const sockets = { admin: this.#admin, master: this.#master, clock, signal };
    if (!(await reload(sockets, desired.structure.name))) return false;
    this.#reloads++;
    log.info({ structure: desired.structure.name }, 'the proxy has another structure');
    return true;
  }

  /** For a process that is to start: everything is there from its first request on. False where HAProxy would not start because of one certificate. */
  async #writeAnew(desired: DesiredProxy): Promise<boolean> {
    const { folder, files, program, signal, judge } = this.#input;
    const servers = new Map(
      [...desired.servers].map(([name, { endpoints, options }]) => [name, firstServers(endpoints, options)]),
    );
    await folder.writeData(desired);
    const check = `${files.config}.check`;
    await folder.write(check, desired.structure.text(servers));
    try {
      await checkConfig(program, check, signal);
    } catch (error) {
      const reason = messageOf(error);
      const culprit = [...desired.tls.pems].find(([path]) => reason.includes(path));
      if (culprit === undefined) throw error;
      judge.refuse(culprit[0], culprit[1].pem, reason);
      return false;
    }
    await this.#write(desired, servers, desired.maps);
    return true;
  }

  async #write(
    desired: DesiredProxy,
    servers: ReadonlyMap<string, readonly ServerSlot[]>,
    maps: ProxyMaps,
  ): Promise<void> {
    const { folder, files } = this.#input;
    const { slots, tls, lua, structure } = desired;
    this.#state = { slots, servers, ports: structure.ports };
    await folder.writeData({ lua, maps, tls });
    await folder.writeMade(files.state, [slots, servers, ...structure.ports], () => stateText(this.#state));
    const config = (): string => structure.text(lastingServers(desired, servers));
    await folder.writeMade(files.config, [structure.name, servers, desired.servers], config);
    await folder.prunePems(tls);
  }
}

/** Without those that speak as nobody wants any more: the certificates that they name need not be there when HAProxy starts anew. */
function lastingServers(
  desired: DesiredProxy,
  servers: ReadonlyMap<string, readonly ServerSlot[]>,
): ReadonlyMap<string, readonly ServerSlot[]> {
  const isLasting = (slot: string, server: ServerSlot): boolean =>
    server.isReady || server.options === desired.servers.get(slot)?.options;
  const lasting = new Map<string, readonly ServerSlot[]>();
  servers.forEach((list, slot) => {
    // The very list where all of them last: its lines are known.
    const isWhole = list.every((it) => isLasting(slot, it));
    lasting.set(slot, isWhole ? list : list.filter((it) => isLasting(slot, it)));
  });
  return lasting;
}
