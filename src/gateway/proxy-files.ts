// The files of a proxy's folder, each written whole and only where it says something else: a HAProxy that is killed comes back from them as it was.

import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isSameList } from '../compile/gateway/memo.ts';
import type { ProxyFiles } from './proxy-place.ts';
import { MapTexts } from './map-texts.ts';
import { MAP_NAMES, type ProxyMaps } from './map-lines.ts';
import type { TlsFiles } from './render-tls.ts';

export interface ProxyData {
  readonly lua: string;
  readonly maps: ProxyMaps;
  readonly tls: TlsFiles;
}

export class ProxyFolder {
  readonly #files: ProxyFiles;
  readonly #written = new Map<string, string>();
  readonly #mapTexts = new MapTexts();
  /** By file, of texts that are long to make: what they were made of, which never changes. */
  readonly #sources = new Map<string, readonly unknown[]>();

  constructor(files: ProxyFiles) {
    this.#files = files;
  }

  async write(file: string, text: string): Promise<void> {
    if (this.#written.get(file) === text) return;
    await this.#replace(file, text);
    this.#written.set(file, text);
  }

  async #replace(file: string, text: string): Promise<void> {
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(`${file}.new`, text, { mode: 0o600 });
    await rename(`${file}.new`, file);
  }

  /** A text that is made only where it was last made of something else; `source` is compared by identity. */
  async writeMade(file: string, source: readonly unknown[], make: () => string): Promise<void> {
    const before = this.#sources.get(file);
    if (before !== undefined && isSameList(before, source)) return;
    await this.#replace(file, make());
    this.#sources.set(file, source);
  }

  /** All that the configuration names. */
  async writeData({ lua, maps, tls }: ProxyData): Promise<void> {
    await this.write(this.#files.lua, lua);
    for (const name of MAP_NAMES)
      await this.writeMade(this.#files.map(name), [maps[name]], () => this.#mapTexts.of(name, maps[name]));
    for (const [file, { pem }] of tls.pems) await this.write(file, pem);
    for (const [file, lines] of tls.lists) await this.write(file, `${lines.join('\n')}\n`);
  }

  /** By path. */
  async readPems(): Promise<ReadonlyMap<string, string>> {
    const pems = new Map<string, string>();
    for (const file of await this.#pemFiles()) pems.set(file, await readFile(file, 'utf8'));
    return pems;
  }

  /** Private keys that nothing uses do not lie about. */
  async prunePems({ pems }: TlsFiles): Promise<void> {
    for (const file of await this.#pemFiles()) {
      if (pems.has(file)) continue;
      await rm(file, { force: true });
      this.#written.delete(file);
    }
  }

  async #pemFiles(): Promise<readonly string[]> {
    const folder = path.dirname(this.#files.pem('certificate', ''));
    // Without the folder there has been none yet.
    const names = await readdir(folder).catch(() => []);
    return names.filter((it) => it.endsWith('.pem')).map((it) => path.join(folder, it));
  }
}
