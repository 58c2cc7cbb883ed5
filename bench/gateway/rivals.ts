// What the proxy of a Gateway is measured beside: HAProxy and nginx with configurations as somebody writes them by hand, and the server that all of them lead to. Each has as many
// threads as the proxy.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, writeFileSync } from 'node:fs';
import type { Lifetime } from '../../src/base/lifetime.ts';
import { eventually } from '../../test/support/eventually.ts';
import { ask } from '../../test/support/proxy-rig.ts';

export interface RivalOptions {
  readonly address: string;
  readonly threads: number;
  /** Of its own. */
  readonly folder: string;
  readonly pair: { readonly certificate: string; readonly key: string };
  /** Prefixes of paths of the larger port. */
  readonly prefixes: readonly string[];
}

/** Theirs; `answers` is where everything leads. */
export const PORTS = {
  answers: 9000,
  haproxy: 8000,
  haproxyTls: 8002,
  /** Every request passes it twice, as one does that has a time for all its tries together. */
  haproxyTwice: 8003,
  nginx: 8100,
  nginxMany: 8101,
  nginxTls: 8102,
};

/** Debian's packages, by their programs. */
const PACKAGES = { haproxy: 'haproxy', nginx: 'nginx-light', wrk: 'wrk', h2load: 'nghttp2-client' };

/** Throws where a program is not there, with what to install. */
export function checkPrograms(): void {
  const folders = (process.env['PATH'] ?? '').split(':');
  const missing = Object.entries(PACKAGES).filter(
    ([program]) => !folders.some((it) => isThere(`${it}/${program}`)),
  );
  if (missing.length === 0) return;
  throw new Error(
    `Cannot measure without some programs: apt-get install ${missing.map(([, it]) => it).join(' ')}`,
  );
}

function isThere(file: string): boolean {
  try {
    accessSync(file);
    return true;
  } catch {
    return false;
  }
}

export interface Rivals {
  readonly haproxy: number;
  readonly nginx: number;
}

/** Their processes. */
export async function startRivals(options: RivalOptions, lifetime: Lifetime): Promise<Rivals> {
  const { folder, address, pair } = options;
  writeFileSync(`${folder}/pair.pem`, `${pair.certificate}\n${pair.key}`, { mode: 0o600 });
  const configs = {
    'answers.cfg': answersConfig(options),
    'haproxy.cfg': haproxyConfig(options),
    'nginx.conf': nginxConfig(options),
  };
  for (const [name, text] of Object.entries(configs)) writeFileSync(`${folder}/${name}`, text);
  start(lifetime, 'haproxy', ['-db', '-f', `${folder}/answers.cfg`]);
  const haproxy = start(lifetime, 'haproxy', ['-db', '-f', `${folder}/haproxy.cfg`]);
  const nginx = start(lifetime, 'nginx', ['-e', `${folder}/error.log`, '-c', `${folder}/nginx.conf`]);
  for (const port of [PORTS.haproxy, PORTS.haproxyTwice, PORTS.nginx, PORTS.nginxMany])
    await eventually(
      async () => (await ask(address, { port, host: 'x.example.com', path: '/route' })).status === 200,
    );
  return { haproxy, nginx };
}

function start(lifetime: Lifetime, program: string, args: readonly string[]): number {
  const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  lifetime.defer(program, async () => {
    child.kill('SIGTERM');
    await once(child, 'close');
  });
  if (child.pid === undefined) throw new Error(`Cannot start ${program}`);
  return child.pid;
}

function haproxyHead(threads: number, timeout: string): string {
  return `global
  nbthread ${threads}
defaults
  mode http
  timeout connect 5s
  timeout client ${timeout}
  timeout server ${timeout}`;
}

function answersConfig({ address, threads }: RivalOptions): string {
  return `
${haproxyHead(threads, '1h')}
frontend answers
  bind ${address}:${PORTS.answers}
  http-request return status 200 content-type text/plain string "hello"
`;
}

function haproxyConfig({ address, threads, folder }: RivalOptions): string {
  return `
${haproxyHead(threads, '30s')}
frontend front
  bind ${address}:${PORTS.haproxy}
  bind ${address}:${PORTS.haproxyTls} ssl crt ${folder}/pair.pem alpn h2,http/1.1
  option forwardfor
  use_backend web if { hdr(host) x.example.com } { path_beg /route }
frontend twice
  bind ${address}:${PORTS.haproxyTwice}
  option forwardfor
  use_backend again if { hdr(host) x.example.com } { path_beg /route }
backend again
  timeout server 10s
  server front unix@${folder}/again.sock
frontend inner
  bind unix@${folder}/again.sock
  default_backend web
backend web
  server one ${address}:${PORTS.answers}
`;
}

function nginxConfig({ address, threads, folder, prefixes }: RivalOptions): string {
  const location = (prefix: string): string => `location ${prefix} { proxy_pass http://web; }`;
  const server = (listen: string, lines: readonly string[]): string =>
    `server { listen ${address}:${listen}; server_name x.example.com; ${lines.join('\n')} }`;
  const pair = [`ssl_certificate ${folder}/pair.pem;`, `ssl_certificate_key ${folder}/pair.pem;`];
  return `
daemon off;
worker_processes ${threads};
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events { worker_connections 1024; }
http {
  access_log off;
  keepalive_requests 100000000;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  upstream web { server ${address}:${PORTS.answers}; keepalive 64; keepalive_requests 100000000; }
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_set_header Host $host;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  ${server(String(PORTS.nginx), [location('/route')])}
  ${server(String(PORTS.nginxMany), prefixes.map(location))}
  ${server(`${PORTS.nginxTls} ssl http2`, [...pair, location('/route')])}
}
`;
}
