// Calls on the kubelet part's socket as the API server makes them: logs as text, exec over a WebSocket.

import http from 'node:http';
import { WebSocket } from 'ws';

export interface TextAnswer {
  readonly status: number;
  readonly text: string;
}

export function getText(socketPath: string, path: string): Promise<TextAnswer> {
  return new Promise((resolve, reject) => {
    http
      .get({ socketPath, path }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      })
      .on('error', reject);
  });
}

export interface ExecAnswer {
  stdout: string;
  stderr: string;
  status: {
    status?: string;
    reason?: string;
    message?: string;
    details?: { causes?: { message: string }[] };
  };
}

export interface ExecOptions {
  readonly pod: string;
  readonly container?: string;
  readonly command: readonly string[];
  readonly stdin?: string;
  /** Sends this size after the start and asks for a terminal. */
  readonly tty?: { readonly Width: number; readonly Height: number };
  readonly protocol?: string;
}

export function exec(socketPath: string, options: ExecOptions): Promise<ExecAnswer> {
  const query = new URLSearchParams(options.command.map((it) => ['command', it]));
  query.set('stdout', 'true');
  query.set('stderr', 'true');
  if (options.stdin !== undefined) query.set('stdin', 'true');
  if (options.tty !== undefined) query.set('tty', 'true');
  const path = `/exec/default/${options.pod}/${options.container ?? 'main'}?${query.toString()}`;
  const socket = new WebSocket(`ws+unix://${socketPath}:${path}`, options.protocol ?? 'v5.channel.k8s.io');
  const answer: ExecAnswer = { stdout: '', stderr: '', status: {} };
  return new Promise((resolve, reject) => {
    socket.on('open', () => {
      const frame = (channel: number, body: Buffer | string): void =>
        socket.send(Buffer.concat([Buffer.from([channel]), Buffer.from(body)]));
      if (options.tty !== undefined) frame(4, JSON.stringify(options.tty));
      if (options.stdin !== undefined) {
        frame(0, options.stdin);
        if (options.tty === undefined) frame(255, Buffer.from([0]));
      }
    });
    socket.on('message', (data: Buffer) => {
      const text = data.subarray(1).toString('utf8');
      if (data[0] === 1) answer.stdout += text;
      if (data[0] === 2) answer.stderr += text;
      if (data[0] === 3) answer.status = JSON.parse(text) as ExecAnswer['status'];
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
  });
}
