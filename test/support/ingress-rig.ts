// Ingresses compiled and served by a real HAProxy, with a server of the test behind every Service that is named.

import type { RequestListener } from 'node:http';
import { request } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { Lifetime } from '../../src/base/lifetime.ts';
import { IngressCompiler } from '../../src/compile/gateway/ingress-compiler.ts';
import { defaultCertificate } from '../../src/gateway/default-certificate.ts';
import { ingressObjects } from './gateway-manifests.ts';
import { CONFORMANCE_CLASSES, echoServices } from './ingress-rows.ts';
import { ask, openBackend, openProxyRig, type Ask, type TestBackend } from './proxy-rig.ts';

export interface Seen {
  readonly name: string;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

export interface AskTls {
  readonly certificate?: string;
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface TlsAnswer {
  readonly status: number;
  readonly body: string;
  /** The common name of the certificate that was shown. */
  readonly shown: string;
}

export interface IngressRig {
  /** By the name of its Service. */
  readonly backends: ReadonlyMap<string, TestBackend>;
  /** In the place of the usual answer, from then on. */
  answerBy(service: string, listener: RequestListener): void;
  publish(yaml: string): Promise<void>;
  ask(words: Ask): ReturnType<typeof ask>;
  /** The Service that answers, or the status. */
  whoAnswers(words: Ask): Promise<string>;
  /** The same by TLS, and the common name of the certificate that was shown. */
  askTls(host: string, words?: AskTls): Promise<TlsAnswer>;
  overTls(host: string): Promise<readonly [who: string, shown: string]>;
  close(): Promise<void>;
}

/** A server behind each Service, and several behind `shared`, which answer by names of their own. */
export async function openIngressRig(
  services: readonly string[],
  shared?: { readonly service: string; readonly servers: readonly string[] },
): Promise<IngressRig> {
  const lifetime = new Lifetime('Ingresses of a test');
  const rig = await openProxyRig(lifetime, { namesServer: true });
  const opened = await Promise.all(services.map((it) => openBackend(it, lifetime)));
  const servers = await Promise.all((shared?.servers ?? []).map((it) => openBackend(it, lifetime)));
  const slices = [
    ...opened.map(({ name, endpoint }) => sliceOf(name, name, endpoint.port)),
    ...servers.map(({ name, endpoint }) => sliceOf(shared?.service ?? '', name, endpoint.port)),
  ].join('---');
  const shown = await defaultCertificate(rig.folder, Date.now());
  return {
    backends: new Map(opened.map((it) => [it.name, it])),
    async publish(yaml) {
      const all = [CONFORMANCE_CLASSES, yaml, echoServices(yaml), slices].join('\n---\n');
      const place = { node: { name: 'node1', zone: undefined }, defaultCertificate: shown };
      await rig.driver.publish(new IngressCompiler('fairlead').compile(ingressObjects(all), place).model);
    },
    ask: (words) => ask(rig.address, words),
    async whoAnswers(words) {
      const answer = await ask(rig.address, words);
      return answer.status === 200 ? (JSON.parse(answer.body) as Seen).name : String(answer.status);
    },
    answerBy: (service, listener) =>
      void opened
        .find((it) => it.name === service)
        ?.server.removeAllListeners('request')
        .on('request', listener),
    askTls: (host, words) => askOverTls(rig.address, host, words),
    async overTls(host) {
      const { status, body, shown: name } = await askOverTls(rig.address, host);
      return [status === 200 ? (JSON.parse(body) as Seen).name : String(status), name];
    },
    close: () => lifetime.close(),
  };
}

function askOverTls(address: string, host: string, words: AskTls = {}): Promise<TlsAnswer> {
  const { certificate: cert, key } = words;
  return new Promise((resolve, reject) => {
    const client = cert === undefined ? {} : { cert, key };
    const headers = { host, ...words.headers };
    const options = { host: address, port: 443, servername: host, headers, agent: false, ...client };
    const outgoing = request({ ...options, rejectUnauthorized: false }, (response) => {
      const chunks: Buffer[] = [];
      const { subject } = (response.socket as TLSSocket).getPeerCertificate();
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          body: Buffer.concat(chunks).toString('utf8'),
          shown: String(subject.CN),
        }),
      );
    });
    outgoing.once('error', reject);
    outgoing.end();
  });
}

function sliceOf(service: string, name: string, port: number): string {
  return `
kind: EndpointSlice
apiVersion: discovery.k8s.io/v1
metadata: { namespace: default, name: ${name}-1, labels: { kubernetes.io/service-name: ${service} } }
addressType: IPv4
ports: [{ name: http, port: ${port}, protocol: TCP }]
endpoints: [{ addresses: [127.0.0.1], conditions: { ready: true } }]
`;
}
