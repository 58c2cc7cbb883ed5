// A process that makes the map `endpoints` grow and is killed on the way: nothing of it is closed or undone by anybody.
// Usage: node dying-grower.ts PIN before|after   (before or after the new map is given to the programs)

import { GrowingMap } from '../../src/backends/shared-bpf/growing-map.ts';
import { openMapSlot } from '../../src/sys/bpf-map-slot.ts';
import { openPin } from '../../src/sys/bpf-pin.ts';
import { BPF_MAPS } from '../../src/wire/bpf-maps.ts';

const [pin = '', moment = ''] = process.argv.slice(2);
const fd = openPin(pin);
if (fd === undefined) throw new Error(`nothing is pinned at ${pin}`);
const { key, value, maxEntries, name } = BPF_MAPS.endpoints;
const slot = openMapSlot({ name, keyBytes: key.sizeBytes, valueBytes: value.sizeBytes }, fd);
const map = new GrowingMap({
  slot: {
    ...slot,
    make: (size) => {
      const made = slot.make(size);
      const install = (): void => {
        if (moment === 'after') made.install();
        process.kill(process.pid, 'SIGKILL');
      };
      return { ...made, install };
    },
  },
  firstEntries: 1,
  limit: maxEntries,
  onGrowth: () => undefined,
});
// Of no frontend: what such a writer leaves behind are orphans.
const generation = 0xffffffff;
const count = map.maxEntries;
map.updateAll({
  count,
  keys: key.encodeAll(Array.from({ length: count }, (_, slot) => ({ generation, slot }))),
  values: new Uint8Array(count * value.sizeBytes),
});
