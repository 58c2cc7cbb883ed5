// What a running HAProxy says of itself, read from the replies of its command socket.

import type { HaproxySocket } from '../sys/haproxy-socket.ts';
import { FairleadError } from '../base/errors.ts';
import type { ServerSlot } from './server-slots.ts';

export interface SeenProcess {
  readonly pid: number;
  /** The name of the structure that it was started with; undefined for a HAProxy that is not ours. */
  readonly structure: string | undefined;
}

export async function observeProcess(socket: HaproxySocket): Promise<SeenProcess> {
  const reply = await socket.send('show info\n');
  const pid = /^Pid: (\d+)$/m.exec(reply)?.[1];
  if (pid === undefined) throw unread('show info', reply);
  return { pid: Number(pid), structure: /^description: (\S+)$/m.exec(reply)?.[1] };
}

export async function observeMap(socket: HaproxySocket, file: string): Promise<Map<string, string>> {
  const reply = await socket.send(`show map ${file}\n`);
  const lines = new Map<string, string>();
  for (const line of reply.split('\n')) {
    if (line === '') continue;
    // "0x55af002da7f0 key value"; neither our keys nor our values have spaces.
    const [pointer = '', key, value] = line.split(' ');
    if (!pointer.startsWith('0x') || key === undefined || value === undefined)
      throw unread(`show map ${file}`, line);
    lines.set(key, value);
  }
  return lines;
}

/** Of each backend; their options are nowhere to be seen. */
export async function observeServers(
  socket: HaproxySocket,
): Promise<Map<string, readonly Omit<ServerSlot, 'options'>[]>> {
  const [version, head = '', ...rows] = (await socket.send('show servers state\n')).split('\n');
  const columns = head.split(' ').slice(1);
  const names = ['be_name', 'srv_name', 'srv_addr', 'srv_port', 'srv_admin_state'] as const;
  const [backendAt = -1, nameAt = -1, ipAt = -1, portAt = -1, adminAt = -1] = names.map((it) =>
    columns.indexOf(it),
  );
  if (version !== '1' || adminAt < 0) throw unread('show servers state', head);
  const servers = new Map<string, Omit<ServerSlot, 'options'>[]>();
  for (const row of rows.filter((it) => it !== '')) {
    const cells = row.split(' ');
    const cell = (at: number): string => cells[at] ?? '';
    const isReady = (Number(cell(adminAt)) & IN_MAINTENANCE) === 0;
    const server = { name: cell(nameAt), ip: cell(ipAt), port: Number(cell(portAt)), isReady };
    const list = servers.get(cell(backendAt));
    if (list === undefined) servers.set(cell(backendAt), [server]);
    else list.push(server);
  }
  return servers;
}

/** Those that have connections in use: "b0001/s1". */
export async function observeBusyServers(
  socket: HaproxySocket,
  backend: string,
): Promise<ReadonlySet<string>> {
  const [head = '', ...rows] = (await socket.send(`show servers conn ${backend}\n`)).split('\n');
  const at = head.split(' ').indexOf('used_cur') - 1;
  if (at < 0) throw unread(`show servers conn ${backend}`, head);
  const cells = rows.filter((it) => it !== '').map((it) => it.split(' '));
  return new Set(cells.filter((it) => it[at] !== '0').map((it) => it[0] ?? ''));
}

/** SRV_ADMF_FMAINT: put to rest by a command or the configuration. */
const IN_MAINTENANCE = 1;

function unread(command: string, line: string): FairleadError {
  return new FairleadError('invalid', `Cannot read HAProxy's reply to "${command}": "${line.slice(0, 200)}"`);
}
