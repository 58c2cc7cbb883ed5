// The test's end of a prober: requests over its abstract socket, answers by number.

import net from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { inNetns } from '../../src/sys/netns.ts';
import { controlSocket, type Answer, type Ask, type Requests, type Verb } from './prober-types.ts';

interface Waiter {
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

export class Prober {
  readonly name: string;
  readonly #socket: net.Socket;
  readonly #waiting = new Map<number, Waiter>();
  #next = 1;

  private constructor(name: string, socket: net.Socket) {
    this.name = name;
    this.#socket = socket;
    createInterface({ input: socket }).on('line', (line) => this.#take(line));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      for (const waiter of this.#waiting.values()) waiter.reject(new Error(`prober ${name} is gone`));
      this.#waiting.clear();
    });
  }

  /** Waits until the prober `name` listens in `netns`. */
  static async connect(netns: string, name: string): Promise<Prober> {
    for (let tries = 0; ; tries++) {
      // The call makes its socket at once, so that it is made in the namespace.
      const socket = inNetns(netns, () => net.connect(controlSocket(name)));
      try {
        await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
        return new Prober(name, socket);
      } catch (error) {
        if (tries > 200) throw new Error(`Cannot reach prober ${name} in ${netns}`, { cause: error });
        await sleep(50);
      }
    }
  }

  request<V extends Verb>(verb: V, input: Requests[V]['in']): Promise<Requests[V]['out']> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#socket.write(`${JSON.stringify({ id, verb, input })}\n`);
    });
  }

  ask(question: Ask): Promise<Answer> {
    return this.request('ask', question);
  }

  /** Runs a program beside the prober and gives what it wrote, whatever its exit code. */
  async run(...line: readonly string[]): Promise<string> {
    return (await this.request('run', line)).output;
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(line: string): void {
    const { id, output, error } = JSON.parse(line) as { id: number; output: never; error?: string };
    const waiter = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiter?.resolve(output);
    else waiter?.reject(new Error(`${this.name}: ${error}`));
  }
}
