// Starts the DNS process as a child, in a namespace where one is given, and asks it questions by UDP and TCP.

import { spawn, type ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { DnsConfigFile } from '../../src/dns/config.ts';
import { inNetns } from '../../src/sys/netns.ts';
import { answerText, question, type AskOptions } from './dns-text.ts';
import { scaledMs } from './time-scale.ts';

const RUNNER = new URL('run-dns.ts', import.meta.url).pathname;

export interface DnsProcess {
  readonly pid: number;
  /** Resolves when a log line with this message came. */
  said(message: string): Promise<void>;
  /** Everything it has logged. */
  log(): string;
  /** Ends it and resolves with its exit code, or null where the signal ended it. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** Starts it with the configuration written to `file`, inside of the namespace at `netns` where one is given. */
export function startDnsProcess(
  file: string,
  config: DnsConfigFile,
  netns?: string,
  env: Readonly<Record<string, string>> = {},
): DnsProcess {
  writeFileSync(file, JSON.stringify(config));
  const launch = (): ChildProcess =>
    spawn(process.execPath, [RUNNER, file], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
  const child = netns === undefined ? launch() : inNetns(netns, launch);
  let log = '';
  const listeners = new Set<() => void>();
  const heard = (chunk: Buffer): void => {
    log += chunk.toString();
    for (const listener of listeners) listener();
  };
  child.stdout?.on('data', heard);
  child.stderr?.on('data', heard);
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const said = (message: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (!log.includes(`"msg":"${message}"`)) return;
        listeners.delete(look);
        resolve();
      };
      listeners.add(look);
      look();
      void ended.then(() => reject(new Error(`DNS process ended:\n${log}`)));
    });
  return {
    pid: child.pid ?? 0,
    said,
    log: () => log,
    end: (signal) => {
      child.kill(signal);
      return ended;
    },
  };
}

export interface AskTarget extends AskOptions {
  readonly ip: string;
  readonly port: number;
}

/** Asks by UDP; undefined where no answer comes within `timeoutMs`. */
export function askUdp(
  text: string,
  target: AskTarget,
  timeoutMs = scaledMs(2000),
): Promise<string[] | undefined> {
  const socket = createSocket(target.ip.includes(':') ? 'udp6' : 'udp4');
  return new Promise((resolve) => {
    const done = (answer: string[] | undefined): void => {
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(() => done(undefined), timeoutMs);
    socket.on('message', (bytes) => done(answerText(bytes)));
    socket.on('error', () => done(undefined));
    socket.send(question(text, target), target.port, target.ip);
  });
}

/** Asks several questions at once on one TCP connection; the answers in the order in which they came. */
export function askTcp(texts: readonly string[], target: AskTarget): Promise<string[][]> {
  return new Promise((resolve, reject) => {
    const socket = connect(target.port, target.ip);
    const answers: string[][] = [];
    let rest = Buffer.alloc(0);
    socket.on('error', reject);
    socket.on('close', () => resolve(answers));
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
        const end = 2 + rest.readUInt16BE(0);
        answers.push(answerText(rest.subarray(2, end)));
        rest = rest.subarray(end);
      }
      if (answers.length === texts.length) socket.end();
    });
    for (const [id, text] of texts.entries()) {
      const bytes = question(text, { ...target, id });
      const length = Buffer.alloc(2);
      length.writeUInt16BE(bytes.length);
      socket.write(Buffer.concat([length, bytes]));
    }
  });
}
