// Typed requests to the Kubernetes API: any kind, by its ResourceRef. Knows nothing of caches (list-watch.ts) or of single kinds.

import type { DeleteOptions, ListMeta } from 'kubernetes-types/meta/v1.d.ts';
import { FairleadError, hasCode, messageOf } from '../base/errors.ts';
import { errorOfAnswer } from './api-error.ts';
import type { ClusterAccess } from './cluster-access.ts';
import { HttpTransport, readBody, type HttpRequest } from './http-transport.ts';
import { jsonLines } from './json-lines.ts';
import type { KubeObject } from '../objects/meta.ts';
import { apiVersionOf } from '../objects/resources.ts';
import { keyOfName, resourcePath, type Draft, type ObjectName, type ResourceRef } from './resource.ts';

const REQUEST_TIMEOUT_MS = 30_000;
const MAX_CONNECTIONS = 16;
/** Objects per page: what kubectl and the informers of other clients ask for. */
const PAGE_LIMIT = 500;

export type PatchType = 'merge' | 'json' | 'strategic' | 'apply';

const PATCH_TYPES: Readonly<Record<PatchType, string>> = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
  /** The server checks a write and answers as if it were done, but keeps nothing. */
  readonly isDryRun?: boolean | undefined;
}

export interface Selection {
  /** Undefined for all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface Page<T extends KubeObject> {
  readonly items: readonly T[];
  /** Of the whole list: the same on all its pages; watch from here. */
  readonly resourceVersion: string;
}

export interface WatchOptions extends CallOptions {
  readonly resourceVersion: string;
  /** After this the server ends the watch by itself. */
  readonly timeoutSeconds: number;
  /** Called when the server has accepted the watch. */
  readonly onOpen?: () => void;
  /** Called for every piece that arrives, also a part of a line. */
  readonly onBytes?: () => void;
}

export interface PatchOptions extends CallOptions {
  readonly type: PatchType;
  readonly subresource?: string | undefined;
  readonly fieldManager?: string | undefined;
}

export class KubeClient {
  readonly #transport: HttpTransport;

  constructor(access: ClusterAccess, options: { readonly maxConnections?: number } = {}) {
    this.#transport = new HttpTransport(access, options.maxConnections ?? MAX_CONNECTIONS);
  }

  get server(): URL {
    return this.#transport.server;
  }

  /** Throws `not-found`. */
  get<T extends KubeObject>(resource: ResourceRef<T>, at: ObjectName, call?: CallOptions): Promise<T> {
    const action = `get ${resource.plural} ${keyOfName(at)}`;
    return this.#call({ method: 'GET', path: resourcePath(resource, at), action }, call);
  }

  /** All objects of the selection, page by page in one array. */
  async list<T extends KubeObject>(
    resource: ResourceRef<T>,
    selection: Selection = {},
    call?: CallOptions,
  ): Promise<Page<T>> {
    const items: T[] = [];
    let resourceVersion = '';
    for await (const page of this.pages(resource, selection, call)) {
      items.push(...page.items);
      resourceVersion = page.resourceVersion;
    }
    return { items, resourceVersion };
  }

  /** Pages of up to 500 objects of one consistent list. Throws `gone` when the server has forgotten that list's revision midway. */
  async *pages<T extends KubeObject>(
    resource: ResourceRef<T>,
    selection: Selection = {},
    call?: CallOptions,
  ): AsyncGenerator<Page<T>> {
    let token: string | undefined;
    do {
      const list: { readonly items?: readonly T[] | null; readonly metadata?: ListMeta } = await this.#call(
        {
          method: 'GET',
          path: resourcePath(resource, { namespace: selection.namespace }),
          query: { ...selectors(selection), limit: String(PAGE_LIMIT), continue: token },
          action: `list ${resource.plural}`,
        },
        call,
      );
      yield { items: list.items ?? [], resourceVersion: list.metadata?.resourceVersion ?? '' };
      token = list.metadata?.continue;
    } while (token !== undefined && token !== '');
  }

  /** Events as the server sends them, unchecked, until it ends the watch. Throws `gone` where the revision is too old. */
  async *watch(resource: ResourceRef, selection: Selection, options: WatchOptions): AsyncGenerator<unknown> {
    const action = `watch ${resource.plural}`;
    const response = await this.#transport.open({
      method: 'GET',
      path: resourcePath(resource, { namespace: selection.namespace }),
      query: {
        ...selectors(selection),
        watch: 'true',
        allowWatchBookmarks: 'true',
        resourceVersion: options.resourceVersion,
        timeoutSeconds: String(options.timeoutSeconds),
      },
      action,
      signal: options.signal,
      timeoutMs: options.timeoutMs ?? REQUEST_TIMEOUT_MS,
    });
    try {
      if (response.statusCode !== 200) {
        throw errorOfAnswer(action, response.statusCode ?? 0, await readBody(response));
      }
      options.onOpen?.();
      yield* jsonLines(tapped(response, options.onBytes));
    } catch (error) {
      if (error instanceof FairleadError) throw error;
      throw new FairleadError('unavailable', `Cannot ${action}: ${messageOf(error)}`, { cause: error });
    } finally {
      response.destroy();
    }
  }

  /** Throws `already-exists`, `invalid`. The namespace is the object's own. */
  create<T extends KubeObject>(resource: ResourceRef<T>, object: Draft<T>, call?: CallOptions): Promise<T> {
    const { namespace, name = `${object.metadata.generateName ?? ''}*` } = object.metadata;
    const action = `create ${resource.plural} ${keyOfName({ namespace, name })}`;
    const path = resourcePath(resource, { namespace });
    return this.#call({ method: 'POST', path, body: typed(resource, object), action }, call);
  }

  /** Posts to a subresource: pods/binding, serviceaccounts/token. Returns what the server answers. */
  post<Answer>(
    resource: ResourceRef,
    at: ObjectName & { readonly subresource: string },
    body: unknown,
    call?: CallOptions,
  ): Promise<Answer> {
    const action = `post ${resource.plural}/${at.subresource} of ${keyOfName(at)}`;
    return this.#call(
      { method: 'POST', path: resourcePath(resource, at, at.subresource), body, action },
      call,
    );
  }

  /** Replaces the object. Throws `conflict` where its resourceVersion is not the server's any more. */
  update<T extends KubeObject>(
    resource: ResourceRef<T>,
    object: Draft<T>,
    call?: CallOptions & { readonly subresource?: string },
  ): Promise<T> {
    const at = { namespace: object.metadata.namespace, name: object.metadata.name ?? '' };
    const path = resourcePath(resource, at, call?.subresource);
    return this.#call(
      {
        method: 'PUT',
        path,
        body: typed(resource, object),
        action: `update ${resource.plural} ${keyOfName(at)}`,
      },
      call,
    );
  }

  updateStatus<T extends KubeObject>(
    resource: ResourceRef<T>,
    object: Draft<T>,
    call?: CallOptions,
  ): Promise<T> {
    return this.update(resource, object, { ...call, subresource: 'status' });
  }

  patch<T extends KubeObject>(
    resource: ResourceRef<T>,
    at: ObjectName,
    body: unknown,
    options: PatchOptions,
  ): Promise<T> {
    const action = `patch ${resource.plural} ${keyOfName(at)}`;
    return this.#call(
      {
        method: 'PATCH',
        path: resourcePath(resource, at, options.subresource),
        query: { fieldManager: options.fieldManager },
        body,
        contentType: PATCH_TYPES[options.type],
        action,
      },
      options,
    );
  }

  /** A merge patch of the status subresource. */
  patchStatus<T extends KubeObject>(
    resource: ResourceRef<T>,
    at: ObjectName,
    body: unknown,
    call?: CallOptions,
  ): Promise<T> {
    return this.patch(resource, at, body, { ...call, type: 'merge', subresource: 'status' });
  }

  /** True when the server accepted, false when there was nothing to delete. Throws `conflict` where a precondition fails. */
  async delete(
    resource: ResourceRef,
    at: ObjectName,
    options: DeleteOptions = {},
    call?: CallOptions,
  ): Promise<boolean> {
    const action = `delete ${resource.plural} ${keyOfName(at)}`;
    try {
      await this.#call({ method: 'DELETE', path: resourcePath(resource, at), body: options, action }, call);
      return true;
    } catch (error) {
      if (hasCode(error, 'not-found')) return false;
      throw error;
    }
  }

  /** Ends all connections, kept or open. */
  close(): void {
    this.#transport.close();
  }

  async #call<Answer>(
    request: Omit<HttpRequest, 'signal' | 'timeoutMs'>,
    call: CallOptions | undefined,
  ): Promise<Answer> {
    const timeoutMs = call?.timeoutMs ?? REQUEST_TIMEOUT_MS;
    const query = call?.isDryRun === true ? { ...request.query, dryRun: 'All' } : (request.query ?? {});
    const answer = await this.#transport.send({ ...request, query, signal: call?.signal, timeoutMs });
    if (answer.status < 200 || answer.status > 299) {
      throw errorOfAnswer(request.action, answer.status, answer.body);
    }
    return JSON.parse(answer.body) as Answer; // The server is trusted for the shape of the kind that was asked for.
  }
}

async function* tapped(
  chunks: AsyncIterable<Buffer>,
  onBytes: (() => void) | undefined,
): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    onBytes?.();
    yield chunk;
  }
}

/** Objects of lists carry neither apiVersion nor kind, and drafts need not. */
function typed(resource: ResourceRef, object: Draft): Draft {
  return { apiVersion: apiVersionOf(resource), kind: resource.kind, ...object };
}

function selectors(selection: Selection): Record<string, string | undefined> {
  return { labelSelector: selection.labelSelector, fieldSelector: selection.fieldSelector };
}
