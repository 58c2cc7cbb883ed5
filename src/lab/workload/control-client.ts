// The kubelet part's side of the control protocol of a node's workload process (control-server.ts).

import http from 'node:http';
import { ERROR_CODES, FairleadError, messageOf, type ErrorCode } from '../../base/errors.ts';
import type { DialRequest, DialResult } from './dial.ts';
import type { ProbeAnswer, ProbeRequest, WorkloadSpec, WorkloadStatus } from './workload-spec.ts';

const CALL_TIMEOUT_MS = 15_000;
/** The server never hangs up, so that no call meets a connection that is just being closed: the idle ones end here. */
const IDLE_MS = 4000;

export class ControlClient {
  readonly #path: string;
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 32, timeout: IDLE_MS });

  /** `path` is the unix socket of the node's workload process. */
  constructor(path: string) {
    this.#path = path;
  }

  /** Throws `unavailable` while the process is away. */
  start(spec: WorkloadSpec, signal: AbortSignal): Promise<WorkloadStatus> {
    return this.#call({ method: 'POST', path: '/workloads', body: spec, signal });
  }

  async stop(podUid: string, container: string, signal: AbortSignal): Promise<void> {
    const path = `/workloads/${encodeURIComponent(podUid)}/${encodeURIComponent(container)}`;
    await this.#call({ method: 'DELETE', path, signal });
  }

  list(signal: AbortSignal): Promise<readonly WorkloadStatus[]> {
    return this.#call({ method: 'GET', path: '/workloads', signal });
  }

  probe(request: ProbeRequest, signal: AbortSignal): Promise<ProbeAnswer> {
    const timeoutMs = request.timeoutMs + CALL_TIMEOUT_MS;
    return this.#call({ method: 'POST', path: '/probe', body: request, signal, timeoutMs });
  }

  /** Tries connections from a pod's namespace; results in the order of the targets. */
  dial(request: DialRequest, signal: AbortSignal): Promise<readonly DialResult[]> {
    const timeoutMs = request.timeoutMs * request.targets.length + CALL_TIMEOUT_MS;
    return this.#call({ method: 'POST', path: '/dial', body: request, signal, timeoutMs });
  }

  /** Calls `onOpen` once the stream stands, `onExit` per exit; rejects when it breaks, resolves when the signal aborts. */
  async watchExits(
    handlers: { readonly onOpen: () => void; readonly onExit: (status: WorkloadStatus) => void },
    signal: AbortSignal,
  ): Promise<void> {
    const response = await this.#open({ method: 'GET', path: '/exits', signal });
    try {
      let rest = '';
      for await (const chunk of response.setEncoding('utf8')) {
        // With an encoding set, a response yields text.
        const lines = (rest + (chunk as string)).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          // Written by the same version's server.
          const status = JSON.parse(line) as WorkloadStatus | Record<string, never>;
          if ('podUid' in status) handlers.onExit(status as WorkloadStatus);
          else handlers.onOpen();
        }
      }
    } catch (error) {
      if (!signal.aborted) throw this.#away(error);
    }
    if (!signal.aborted) throw this.#away(new Error('the stream ended'));
  }

  close(): void {
    this.#agent.destroy();
  }

  async #call<Answer>(call: Call): Promise<Answer> {
    const response = await this.#open(call);
    let text = '';
    for await (const chunk of response.setEncoding('utf8')) text += chunk as string;
    // The server is of the same version.
    const answer = JSON.parse(text) as Answer;
    if (response.statusCode === 200) return answer;
    const failure = answer as { code?: string; message?: string };
    throw new FairleadError(codeOf(failure.code), failure.message ?? 'Cannot call workload process');
  }

  #open(call: Call): Promise<http.IncomingMessage> {
    const isStream = call.path === '/exits';
    return new Promise((resolve, reject) => {
      const request = http.request(
        {
          socketPath: this.#path,
          agent: isStream ? new http.Agent() : this.#agent,
          method: call.method,
          path: call.path,
          signal: call.signal,
          ...(!isStream && { timeout: call.timeoutMs ?? CALL_TIMEOUT_MS }),
        },
        resolve,
      );
      request.on('timeout', () => request.destroy(new Error('no answer in time')));
      request.on('error', (error) => reject(this.#away(error)));
      request.end(call.body === undefined ? undefined : JSON.stringify(call.body));
    });
  }

  #away(error: unknown): FairleadError {
    const message = `Cannot reach workload process at ${this.#path}: ${messageOf(error)}`;
    return new FairleadError('unavailable', message, { cause: error });
  }
}

interface Call {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  readonly signal: AbortSignal;
  readonly timeoutMs?: number;
}

function codeOf(text: string | undefined): ErrorCode {
  // A key of the catalogue, checked just now.
  return text !== undefined && text in ERROR_CODES ? (text as ErrorCode) : 'internal';
}
