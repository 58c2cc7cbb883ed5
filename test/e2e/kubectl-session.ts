// One kubectl on one cluster in a namespace of its own: runs commands, judges them, and keeps a transcript in which everything that
// differs from run to run stands as a word, so that the transcripts of two versions can be compared line by line.

import assert from 'node:assert/strict';
import {
  holdKubectl,
  runKubectl,
  watchKubectl,
  type Held,
  type Kubectl,
  type KubectlOptions,
  type Run,
} from '../support/kubectl.ts';
import { eventually } from '../support/eventually.ts';

/** A command line as typed (split at blanks), or its words. */
export type CommandLine = string | readonly string[];

/** The client words the output itself, differently in its versions: only the exit code is compared. */
export const OWN_WORDS = { isOwnWords: true } as const;

interface StepOptions extends Partial<KubectlOptions> {
  readonly isOwnWords?: boolean;
}

export class KubectlSession {
  readonly kubectl: Kubectl;
  readonly namespace: string;
  /** What each command printed on standard output and how it ended. */
  readonly transcript = new Map<string, string>();
  readonly #options: KubectlOptions;

  constructor(kubectl: Kubectl, options: KubectlOptions) {
    this.kubectl = kubectl;
    this.namespace = `mx${kubectl.minor}`;
    this.#options = options;
  }

  get minor(): number {
    return this.kubectl.minor;
  }

  /** Ends well and prints (on either stream) what matches. */
  async ok(line: CommandLine, expected: RegExp, options: StepOptions = {}): Promise<string> {
    const run = await this.#run(line, options);
    assert.equal(run.code, 0, `${wordsOf(line).join(' ')}: ${run.text}`);
    assert.match(run.text, expected, wordsOf(line).join(' '));
    return run.stdout;
  }

  /** Ends with the code and says why. */
  async refused(line: CommandLine, code: number, expected: RegExp, options: StepOptions = {}): Promise<void> {
    const run = await this.#run(line, { isOwnWords: true, ...options });
    assert.match(run.text, expected, wordsOf(line).join(' '));
    assert.equal(run.code, code, `${wordsOf(line).join(' ')}: ${run.text}`);
  }

  /** Becomes true by itself. The last look alone is on record. */
  async eventually(line: CommandLine, expected: RegExp, options: StepOptions = {}): Promise<void> {
    await eventually(() => this.ok(line, expected, options).then(() => undefined), 15_000);
  }

  /** A command that goes on by itself says something sooner or later. */
  async says(line: CommandLine, until: RegExp): Promise<void> {
    const run = await watchKubectl(this.kubectl, this.#words(line), { ...this.#options, until });
    assert.equal(run.code, 0, `${wordsOf(line).join(' ')}: never ${until}: ${run.text}`);
  }

  /** Serves until it is ended. */
  hold(line: CommandLine, until: RegExp): Promise<Held> {
    return holdKubectl(this.kubectl, this.#words(line), { ...this.#options, until });
  }

  async #run(line: CommandLine, { isOwnWords = false, ...options }: StepOptions): Promise<Run> {
    const run = await runKubectl(this.kubectl, this.#words(line), { ...this.#options, ...options });
    const key = sameEverywhere(`${wordsOf(line).join(' ')}\n${options.stdin ?? ''}`, this.namespace).trim();
    const printed = isOwnWords ? '' : sameEverywhere(run.stdout, this.namespace);
    this.transcript.set(key, `exit ${run.code}\n${printed}`);
    return run;
  }

  #words(line: CommandLine): readonly string[] {
    return ['-n', this.namespace, ...wordsOf(line)];
  }
}

function wordsOf(line: CommandLine): readonly string[] {
  return typeof line === 'string' ? line.split(' ') : line;
}

/** Without names that the server made up, addresses, times and the width of columns. */
export function sameEverywhere(text: string, namespace: string): string {
  return text
    .replaceAll(namespace, 'NAMESPACE')
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}/g, 'UID')
    .replaceAll(/\b(\d+\.){3}\d+\b|\bfd[0-9a-f:]+\b/g, 'IP')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replaceAll(/-[bcdfghjklmnpqrstvwxz2456789]{8,10}(?=[-\s"]|$)/gm, '-HASH')
    .replaceAll(/-[bcdfghjklmnpqrstvwxz2456789]{5}\b/g, '-RANDOM')
    .replaceAll(/\bnode-[12]\b/g, 'NODE')
    .replaceAll(/(?<= )(\d+[dhms])+\b/g, 'AGE')
    .replaceAll(/resourceVersion: "\d+"/g, 'resourceVersion: N')
    .replaceAll(/ +/g, ' ')
    .replaceAll(/ $/gm, '');
}
