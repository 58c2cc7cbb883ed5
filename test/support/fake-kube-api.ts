// A small API server in memory for tests of clients and controllers: any kind, CRUD, paged lists, watches, and faults on demand.
// It checks nothing; the embedded API server is the real one.

import { randomUUID } from 'node:crypto';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ClusterAccess } from '../../src/kube/cluster-access.ts';
import type { Draft, ResourceRef } from '../../src/kube/resource.ts';
import type { KubeObject } from '../../src/objects/meta.ts';

interface LogEntry {
  readonly revision: number;
  readonly collection: string;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: KubeObject;
}

interface Target {
  /** "v1/pods", "apps/v1/deployments" */
  readonly collection: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

/** What a fault may do with a request: undefined lets it pass, a number is answered as a Status, "destroy" cuts the connection. */
export type Fault = (request: { method: string; url: URL }) => number | 'destroy' | undefined;

interface Watcher {
  /** Events up to this revision were sent when the watch was opened. */
  readonly from: number;
  readonly response: ServerResponse;
  readonly target: Target;
}

export class FakeKubeApi {
  readonly requests: { readonly method: string; readonly url: URL }[] = [];
  /** Replaceable at any time. */
  fault: Fault = () => undefined;
  /** Turns the bytes of a watch line into what is sent instead; undefined cuts the connection after what was returned before. */
  mangle: (line: string) => { readonly text: string; readonly isCut: boolean } = (text) => ({
    text,
    isCut: false,
  });
  /** Milliseconds by which watches lag behind. */
  watchLagMs = 0;
  readonly #objects = new Map<string, Map<string, KubeObject>>();
  #log: LogEntry[] = [];
  #revision = 1;
  #compacted = 0;
  readonly #watchers = new Set<Watcher>();
  readonly #server = http.createServer((request, response) => void this.#serve(request, response));

  async start(): Promise<ClusterAccess> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const { port } = this.#server.address() as AddressInfo;
    return {
      server: new URL(`http://127.0.0.1:${port}`),
      isInsecure: false,
      namespace: 'default',
      credentials: () => Promise.resolve({ authorization: 'Bearer test' }),
    };
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  get openWatches(): number {
    return this.#watchers.size;
  }

  /** Cuts every open watch, rudely or by a normal end. */
  endWatches(how: 'cut' | 'end'): void {
    for (const { response } of this.#watchers) {
      if (how === 'cut') response.destroy();
      else response.end();
    }
    this.#watchers.clear();
  }

  /** Forgets all events so far: a watch from before answers 410. */
  compact(): void {
    this.#compacted = this.#revision;
    this.#log = [];
  }

  all<T extends KubeObject>(resource: ResourceRef<T>): T[] {
    return [...this.#collection(collectionOf(resource)).values()] as unknown as T[];
  }

  put<T extends KubeObject>(resource: ResourceRef<T>, object: Draft<T>): T {
    return this.#put(collectionOf(resource), object) as unknown as T;
  }

  delete(resource: ResourceRef, key: string): void {
    this.#remove(collectionOf(resource), key);
  }

  #collection(name: string): Map<string, KubeObject> {
    const found = this.#objects.get(name) ?? new Map<string, KubeObject>();
    this.#objects.set(name, found);
    return found;
  }

  #put(collection: string, object: Draft): KubeObject {
    const name = object.metadata.name ?? `${object.metadata.generateName ?? ''}${randomUUID().slice(0, 13)}`;
    const key = keyOf(object.metadata.namespace, name);
    const before = this.#collection(collection).get(key);
    const stored = structuredClone({
      ...object,
      metadata: {
        uid: before?.metadata.uid ?? randomUUID(),
        creationTimestamp: before?.metadata.creationTimestamp ?? new Date().toISOString(),
        ...object.metadata,
        name,
        resourceVersion: String(++this.#revision),
      },
    }) as KubeObject;
    this.#collection(collection).set(key, stored);
    this.#publish(collection, before === undefined ? 'ADDED' : 'MODIFIED', stored);
    return stored;
  }

  #remove(collection: string, key: string): KubeObject | undefined {
    const before = this.#collection(collection).get(key);
    if (before === undefined) return undefined;
    this.#collection(collection).delete(key);
    const metadata = { ...before.metadata, resourceVersion: String(++this.#revision) };
    this.#publish(collection, 'DELETED', { ...before, metadata });
    return before;
  }

  #publish(collection: string, type: LogEntry['type'], object: KubeObject): void {
    const entry = { revision: this.#revision, collection, type, object };
    this.#log.push(entry);
    const send = (): void => {
      for (const watcher of this.#watchers) if (watcher.from < entry.revision) this.#send(watcher, entry);
    };
    if (this.watchLagMs === 0) send();
    else setTimeout(send, this.watchLagMs);
  }

  #send(watcher: Watcher, entry: LogEntry): void {
    const { collection, namespace } = watcher.target;
    if (entry.collection !== collection) return;
    if (namespace !== undefined && namespace !== entry.object.metadata.namespace) return;
    const line = `${JSON.stringify({ type: entry.type, object: entry.object })}\n`;
    const { text, isCut } = this.mangle(line);
    watcher.response.write(text);
    if (!isCut) return;
    this.#watchers.delete(watcher);
    setImmediate(() => watcher.response.destroy());
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = request.method ?? 'GET';
    const url = new URL(request.url ?? '/', 'http://fake');
    this.requests.push({ method, url });
    const fault = this.fault({ method, url });
    if (fault === 'destroy') return void request.socket.destroy();
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    if (typeof fault === 'number') return answerStatus(response, fault, 'Fault');
    const target = targetOf(url.pathname);
    const body =
      chunks.length === 0 ? { metadata: {} } : (JSON.parse(Buffer.concat(chunks).toString()) as Draft);
    this.#answer({ method, url, target, body }, response);
  }

  #answer(
    request: { method: string; url: URL; target: Target; body: Draft },
    response: ServerResponse,
  ): void {
    const { target, url, body } = request;
    if (target.name === undefined && request.method === 'GET') {
      if (url.searchParams.get('watch') === 'true') return this.#watch(target, url, response);
      return this.#list(target, url, response);
    }
    if (request.method === 'POST' && target.subresource === undefined)
      return this.#create(target, body, response);
    const key = keyOf(target.namespace, target.name ?? '');
    const found = this.#collection(target.collection).get(key);
    if (found === undefined) return answerStatus(response, 404, 'NotFound');
    switch (request.method) {
      case 'GET':
        return answer(response, 200, found);
      case 'PUT':
        if (target.subresource === 'finalize')
          return answer(response, 200, this.#remove(target.collection, key));
        if (body.metadata.resourceVersion !== found.metadata.resourceVersion) {
          return answerStatus(response, 409, 'Conflict');
        }
        return answer(response, 200, this.#put(target.collection, body));
      case 'PATCH':
        if (!isPrecondition(body, found)) return answerStatus(response, 409, 'Conflict');
        return answer(response, 200, this.#patch(target.collection, found, body));
      case 'POST':
        return this.#bind(target, body, response);
      default:
        return answer(response, 200, this.#delete(target.collection, found, body));
    }
  }

  #patch(collection: string, found: KubeObject, body: unknown): KubeObject {
    const patched = this.#put(collection, mergePatch(found, body) as KubeObject);
    const { deletionTimestamp, finalizers = [], namespace, name } = patched.metadata;
    if (deletionTimestamp !== undefined && finalizers.length === 0)
      this.#remove(collection, keyOf(namespace, name));
    return patched;
  }

  /** Namespaces, and what has or gets finalizers, only begins to end. */
  #delete(collection: string, found: KubeObject, options: unknown): unknown {
    const { propagationPolicy } = options as { propagationPolicy?: string };
    const own = { Foreground: ['foregroundDeletion'], Orphan: ['orphan'] }[propagationPolicy ?? ''] ?? [];
    const finalizers = [...(found.metadata.finalizers ?? []), ...own];
    const { namespace, name } = found.metadata;
    if (finalizers.length === 0 && collection !== 'v1/namespaces') {
      return this.#remove(collection, keyOf(namespace, name));
    }
    const deletionTimestamp = found.metadata.deletionTimestamp ?? new Date().toISOString();
    return this.#put(collection, {
      ...found,
      metadata: { ...found.metadata, deletionTimestamp, finalizers },
    });
  }

  #create(target: Target, body: Draft, response: ServerResponse): void {
    const key = keyOf(target.namespace, body.metadata.name ?? '');
    if (this.#collection(target.collection).has(key)) return answerStatus(response, 409, 'AlreadyExists');
    answer(response, 201, this.#put(target.collection, body));
  }

  #bind(target: Target, body: Draft, response: ServerResponse): void {
    const pod = this.#collection(target.collection).get(keyOf(target.namespace, target.name ?? ''));
    const { target: node } = body as { target?: { name?: string } };
    this.#put(target.collection, mergePatch(pod, { spec: { nodeName: node?.name } }) as KubeObject);
    answer(response, 201, { kind: 'Status', status: 'Success' });
  }

  #list(target: Target, url: URL, response: ServerResponse): void {
    const limit = Number(url.searchParams.get('limit') ?? '500');
    const [from = '0', revision = String(this.#revision)] = (url.searchParams.get('continue') ?? '').split(
      '@',
    );
    if (url.searchParams.has('continue') && Number(revision) < this.#compacted) {
      return answerStatus(response, 410, 'Expired');
    }
    const items = [...this.#collection(target.collection).values()].filter(
      (object) => target.namespace === undefined || object.metadata.namespace === target.namespace,
    );
    const start = Number(from === '' ? '0' : from);
    const next = start + limit < items.length ? `${start + limit}@${revision}` : undefined;
    answer(response, 200, {
      kind: 'List',
      metadata: { resourceVersion: revision, ...(next === undefined ? {} : { continue: next }) },
      items: items.slice(start, start + limit),
    });
  }

  #watch(target: Target, url: URL, response: ServerResponse): void {
    const from = Number(url.searchParams.get('resourceVersion'));
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const watcher = { from: this.#revision, response, target };
    if (from < this.#compacted) {
      const object = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' };
      response.end(`${JSON.stringify({ type: 'ERROR', object })}\n`);
      return;
    }
    this.#watchers.add(watcher);
    response.on('close', () => this.#watchers.delete(watcher));
    for (const entry of this.#log) {
      if (entry.revision > from && this.#watchers.has(watcher)) this.#send(watcher, entry);
    }
  }
}

function collectionOf(resource: ResourceRef): string {
  return [resource.group, resource.version, resource.plural].filter((part) => part !== '').join('/');
}

function keyOf(namespace: string | undefined, name: string): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

function targetOf(pathname: string): Target {
  const parts = pathname.split('/').slice(1).map(decodeURIComponent);
  const prefix = parts[0] === 'api' ? parts.slice(1, 2) : parts.slice(1, 3);
  const rest = parts.slice(parts[0] === 'api' ? 2 : 3);
  const isInNamespace =
    rest[0] === 'namespaces' && rest.length > 2 && !['status', 'finalize'].includes(rest[2] ?? '');
  const [plural = '', name, subresource] = isInNamespace ? rest.slice(2) : rest;
  return {
    collection: [...prefix, plural].join('/'),
    namespace: isInNamespace ? rest[1] : undefined,
    name,
    subresource,
  };
}

function isPrecondition({ metadata = {} }: Partial<Draft>, found: KubeObject): boolean {
  const { uid = found.metadata.uid, resourceVersion = found.metadata.resourceVersion } = metadata;
  return uid === found.metadata.uid && resourceVersion === found.metadata.resourceVersion;
}

/** RFC 7386. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const base = typeof target === 'object' && target !== null && !Array.isArray(target) ? target : {};
  const result: Record<string, unknown> = { ...base };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = mergePatch(result[name], value);
  }
  return result;
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function answerStatus(response: ServerResponse, code: number, reason: string): void {
  answer(response, code, { kind: 'Status', status: 'Failure', code, reason, message: reason });
}
