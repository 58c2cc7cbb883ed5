// The runtime's side of the Container Network Interface 1.1.0: executes the plugins of a configuration list one after the
// other, each with the environment and standard input of the specification. Knows no pod, only an attachment.

import path from 'node:path';
import { access } from 'node:fs/promises';
import { FairleadError, messageOf } from '../../base/errors.ts';
import { tryParseIp, type Ip } from '../../base/ip.ts';
import { runProgram } from '../../sys/process.ts';

/** A configuration list (`.conflist`). */
export interface CniConfig {
  readonly cniVersion: string;
  readonly name: string;
  readonly plugins: readonly CniPlugin[];
}

export interface CniPlugin {
  readonly type: string;
  readonly capabilities?: Readonly<Record<string, boolean>>;
  readonly [key: string]: unknown;
}

export interface CniAttachmentName {
  readonly containerId: string;
  readonly ifname: string;
}

export interface CniAttachment extends CniAttachmentName {
  readonly netns: string;
  readonly args: Readonly<Record<string, string>>;
  /** Given to the plugins that announce the capability: portMappings, bandwidth, ... */
  readonly runtimeConfig: Readonly<Record<string, unknown>>;
}

export interface CniRuntimeOptions {
  readonly config: CniConfig;
  /** Programs of plugin types that lie elsewhere. */
  readonly programs: ReadonlyMap<string, string>;
  /** Folders that hold the plugins, in order of search. */
  readonly path: readonly string[];
  /** Namespace that plugins run in, as on a node of its own; undefined for the one of this process. */
  readonly hostNetns: string | undefined;
}

const TIMEOUT_MS = 60_000;
/** The plugin asks to be called again a little later (specification, "Error codes"). */
const TRY_AGAIN_LATER = 11;

export class CniRuntime {
  readonly #options: CniRuntimeOptions;

  constructor(options: CniRuntimeOptions) {
    this.#options = options;
  }

  /** The result of the last plugin. Throws `unavailable` where the plugin asks for patience, else `kernel` with its message. */
  async add(attachment: CniAttachment, signal: AbortSignal): Promise<unknown> {
    let previous: unknown;
    for (const plugin of this.#options.config.plugins) {
      const text = await this.#run('ADD', plugin, callOf(attachment, previous, signal));
      previous = JSON.parse(text) as unknown;
    }
    return previous;
  }

  /** In reverse order, with the ADD's result; an attachment that is gone already is no error. */
  async delete(attachment: CniAttachment, result: unknown, signal: AbortSignal): Promise<void> {
    for (const plugin of this.#options.config.plugins.toReversed()) {
      await this.#run('DEL', plugin, callOf(attachment, result, signal));
    }
  }

  /** Throws where the attachment is not as the result says. */
  async check(attachment: CniAttachment, result: unknown, signal: AbortSignal): Promise<void> {
    for (const plugin of this.#options.config.plugins) {
      await this.#run('CHECK', plugin, callOf(attachment, result, signal));
    }
  }

  /**
   * Has the plugins forget every attachment of the network that is not among these: each is asked, whatever the ones before
   * answered; then the first failure is thrown. Networks of a specification before 1.1.0 know no such call.
   */
  async collectGarbage(valid: readonly CniAttachmentName[], signal: AbortSignal): Promise<void> {
    const { cniVersion, plugins } = this.#options.config;
    if (!knowsGarbage(cniVersion)) return;
    const fields = {
      'cni.dev/valid-attachments': valid.map((it) => ({ containerID: it.containerId, ifname: it.ifname })),
    };
    const failures: unknown[] = [];
    for (const plugin of plugins) {
      const call = { env: {}, runtimeConfig: {}, fields, signal };
      await this.#run('GC', plugin, call).catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  }

  async #run(command: CniCommand, plugin: CniPlugin, call: CniCall): Promise<string> {
    const program = await this.#find(plugin.type);
    const env = {
      PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin',
      CNI_COMMAND: command,
      CNI_PATH: this.#options.path.join(':'),
      ...call.env,
    };
    try {
      const stdin = JSON.stringify(this.#configOf(plugin, call));
      const { hostNetns } = this.#options;
      const netns = hostNetns === undefined ? {} : { netns: hostNetns };
      const options = { stdin, env, signal: call.signal, timeoutMs: TIMEOUT_MS, ...netns };
      return (await runProgram(program, [], options)).stdout;
    } catch (error) {
      throw cniError(command, plugin.type, error);
    }
  }

  #configOf(plugin: CniPlugin, call: CniCall): Record<string, unknown> {
    const { cniVersion, name } = this.#options.config;
    const { capabilities = {}, ...own } = plugin;
    const runtimeConfig = Object.fromEntries(
      Object.entries(call.runtimeConfig).filter(([key]) => capabilities[key] === true),
    );
    return {
      ...own,
      cniVersion,
      name,
      ...(Object.keys(runtimeConfig).length > 0 && { runtimeConfig }),
      ...call.fields,
    };
  }

  async #find(type: string): Promise<string> {
    const known = this.#options.programs.get(type);
    if (known !== undefined) return known;
    // A type is a file's name, never a path (specification, section 1).
    if (type === '' || type !== path.basename(type)) {
      throw new FairleadError('invalid', `Cannot run CNI plugin "${type}": not a plain name`);
    }
    for (const folder of this.#options.path) {
      const file = `${folder}/${type}`;
      const isThere = await access(file).then(
        () => true,
        () => false,
      );
      if (isThere) return file;
    }
    const folders = this.#options.path.join(', ');
    throw new FairleadError('not-found', `Cannot run CNI plugin "${type}": not in ${folders}`);
  }
}

type CniCommand = 'ADD' | 'DEL' | 'CHECK' | 'GC';

/** What goes to a plugin beside its configuration and the names of the network. */
interface CniCall {
  readonly env: Readonly<Record<string, string>>;
  readonly runtimeConfig: Readonly<Record<string, unknown>>;
  /** Further fields of standard input. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
}

function callOf(attachment: CniAttachment, previous: unknown, signal: AbortSignal): CniCall {
  const args = Object.entries(attachment.args).map(([key, value]) => `${key}=${value}`);
  return {
    env: {
      CNI_CONTAINERID: attachment.containerId,
      CNI_NETNS: attachment.netns,
      CNI_IFNAME: attachment.ifname,
      CNI_ARGS: args.join(';'),
    },
    runtimeConfig: attachment.runtimeConfig,
    fields: previous === undefined ? {} : { prevResult: previous },
    signal,
  };
}

/** 1.1.0 brought GC. */
function knowsGarbage(cniVersion: string): boolean {
  const [major = 0, minor = 0] = cniVersion.split('.').map(Number);
  return major > 1 || (major === 1 && minor >= 1);
}

/** Addresses of the container's interfaces in the result, first IPv4 or IPv6 as the plugin ordered them. */
export function addressesOfResult(result: unknown): readonly Ip[] {
  // Foreign text: only the shape that the specification gives is taken.
  const list = (result as { ips?: unknown } | undefined)?.ips;
  if (!Array.isArray(list)) return [];
  return list.flatMap((entry: unknown) => {
    const address = (entry as { address?: unknown } | null)?.address;
    const ip = typeof address === 'string' ? tryParseIp(address.split('/')[0] ?? '') : undefined;
    return ip === undefined ? [] : [ip];
  });
}

/** The plugin's own words (an error object on standard output) where it gave any. */
function cniError(command: string, type: string, error: unknown): FairleadError {
  const text = error instanceof FairleadError ? String(error.details['stdout'] ?? '') : '';
  const reported = parseReport(text);
  const cause = reported === undefined ? messageOf(error) : reported.text;
  const code = reported?.code === TRY_AGAIN_LATER ? 'unavailable' : 'kernel';
  return new FairleadError(code, `plugin type="${type}" failed (${command.toLowerCase()}): ${cause}`, {
    cause: error,
    details: { cniCode: reported?.code },
  });
}

function parseReport(text: string): { readonly code: number; readonly text: string } | undefined {
  try {
    const { code, msg, details } = JSON.parse(text) as { code?: number; msg?: string; details?: string };
    if (typeof code !== 'number' || typeof msg !== 'string') return undefined;
    return { code, text: details === undefined || details === '' ? msg : `${msg}: ${details}` };
  } catch {
    return undefined; // The plugin died without a word of its own.
  }
}
