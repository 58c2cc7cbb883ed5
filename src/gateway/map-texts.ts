// The files of HAProxy's maps as text. Of tens of thousands of lines those that did not change are not put into words again.

import { ShardedMap } from '../base/sharded-map.ts';
import type { MapName } from './map-lines.ts';

type Lines = ReadonlyMap<string, string>;

interface Said {
  readonly shards: readonly Lines[];
  /** Of the shards, one by one. */
  readonly texts: readonly string[];
}

export class MapTexts {
  readonly #said = new Map<MapName, Said>();

  of(name: MapName, lines: Lines): string {
    const before = this.#said.get(name);
    const shards = lines instanceof ShardedMap ? (lines as ShardedMap<string>).shards : [lines];
    const texts = shards.map(
      (it, at) => (before?.shards[at] === it ? before.texts[at] : undefined) ?? textOf(it),
    );
    this.#said.set(name, { shards, texts });
    return texts.join('');
  }
}

function textOf(lines: Lines): string {
  const words: string[] = [];
  lines.forEach((value, key) => words.push(key, ' ', value, '\n'));
  // As one text of its own: what is put together by `+` would hold on to all its parts.
  return words.join('');
}
