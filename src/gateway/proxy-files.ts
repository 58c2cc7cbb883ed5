// The files of a proxy's folder, each written whole and only where it says something else: a HAProxy that is killed comes back from them as it was.

import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';

export class ProxyFolder {
  readonly #written = new Map<string, string>();

  /** Gives whether the file was another one. */
  async write(file: string, text: string): Promise<boolean> {
    if (this.#written.get(file) === text) return false;
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(`${file}.new`, text, { mode: 0o600 });
    await rename(`${file}.new`, file);
    this.#written.set(file, text);
    return true;
  }
}

export function mapText(lines: ReadonlyMap<string, string>): string {
  let text = '';
  for (const [key, value] of lines) text += `${key} ${value}\n`;
  return text;
}
