// From a raw request to the answer that the executable prints: version, checks, verb, conversion, error document.

import { cniErrorAnswer } from './cni-error.ts';
import { addAttachment } from './add.ts';
import { attachmentKeyText } from './attachment-names.ts';
import { isMadeByAnother, releaseInterface } from './chained.ts';
import { checkAttachment } from './check.ts';
import type { CniContext } from './context.ts';
import { deleteAttachment } from './del.ts';
import type { CniAnswer, RawCniRequest } from './frames.ts';
import { collectGarbage } from './gc.ts';
import type { KeyedQueue } from './keyed-queue.ts';
import { configOf, parseCniRequest, type CniRequest } from './request.ts';
import { resultDocument } from './result.ts';
import { requireReady } from './status.ts';
import { isCniVersion, LATEST_CNI_VERSION, type CniVersion } from './versions.ts';

/** What became of one request; `error` is what was answered with, for the log. */
export interface Outcome {
  readonly answer: CniAnswer;
  readonly request: CniRequest | undefined;
  readonly error: unknown;
}

/** Serves requests; never throws, every failure becomes an error document. */
export class Dispatcher {
  readonly #context: CniContext;
  readonly #queue: KeyedQueue;

  constructor(context: CniContext, queue: KeyedQueue) {
    this.#context = context;
    this.#queue = queue;
  }

  async serve(raw: RawCniRequest, signal: AbortSignal): Promise<Outcome> {
    let request: CniRequest | undefined;
    try {
      const config = configOf(raw);
      request = parseCniRequest(raw, config);
      const text = await this.#perform(request, signal);
      return { answer: { exitCode: 0, text }, request, error: undefined };
    } catch (error) {
      const version = request?.config.cniVersion ?? versionOf(raw);
      const text = `${JSON.stringify(cniErrorAnswer(error, version))}\n`;
      return { answer: { exitCode: 1, text }, request, error };
    }
  }

  async #perform(request: CniRequest, signal: AbortSignal): Promise<string> {
    switch (request.kind) {
      case 'ADD':
        return this.#inTurn(request, async () => {
          const result = await addAttachment(this.#context, request, signal);
          return `${JSON.stringify(resultDocument(result, request.config.cniVersion))}\n`;
        });
      case 'DEL':
        return this.#inTurn(request, async () => {
          const before = request.config.prevResult;
          if (isMadeByAnother(request.key, before)) await releaseInterface(this.#context, before);
          await deleteAttachment(this.#context, request.key);
          return '';
        });
      case 'CHECK':
        return this.#inTurn(request, async () => {
          await checkAttachment(this.#context, request);
          return '';
        });
      case 'GC':
        await collectGarbage(this.#context, request.config, this.#queue);
        return '';
      case 'STATUS':
        requireReady(this.#context);
        return '';
    }
  }

  #inTurn(
    request: Extract<CniRequest, { readonly key: unknown }>,
    work: () => Promise<string>,
  ): Promise<string> {
    return this.#queue.run(attachmentKeyText(request.key), work);
  }
}

/** The version to answer an unreadable request in: the one it asks for where that can be told. */
function versionOf(raw: RawCniRequest): CniVersion {
  const asked = /"cniVersion"\s*:\s*"([0-9.]{1,16})"/.exec(raw.config)?.[1];
  return asked !== undefined && isCniVersion(asked) ? asked : LATEST_CNI_VERSION;
}
