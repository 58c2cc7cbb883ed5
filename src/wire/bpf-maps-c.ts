// Prints the C headers of the map layouts: structs with their sizes asserted, then the map definitions.

import type { AnyBpfMapSpec } from './bpf-maps.ts';
import type { AnyStruct, PlacedField } from './bpf-maps-struct.ts';

const BANNER = [
  '/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */',
  '/* Printed by `npm run generate` from src/wire/bpf-maps.ts: change it there. */',
];

/** The text of `bpf/include/generated.h` for these maps and named constants. */
export function printHeader(
  maps: readonly AnyBpfMapSpec[],
  constants: Readonly<Record<string, number>>,
): string {
  const structs = new Map<string, AnyStruct>();
  for (const map of maps) for (const it of [map.key, map.value]) structs.set(it.name, it);
  const lines = [
    ...BANNER,
    '#pragma once',
    '',
    '#include <linux/bpf.h>',
    '#include <linux/types.h>',
    '#include <bpf/bpf_helpers.h>',
    '',
    '_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the agent writes little endian");',
    '',
    'struct ip_address {',
    '\t__u32 words[4];',
    '};',
    '',
    ...Object.entries(constants).map(([name, value]) => `#define ${name} ${value}`),
    '',
    ...[...structs.values()].flatMap(printStruct),
    ...maps.flatMap(printMap),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

function printStruct(struct: AnyStruct): readonly string[] {
  return [
    `struct ${struct.name} {`,
    ...struct.fields.map((field) => `\t${printField(field)};`),
    '};',
    `_Static_assert(sizeof(struct ${struct.name}) == ${struct.sizeBytes}, "${struct.name}");`,
    '',
  ];
}

function printField(field: PlacedField): string {
  const name = snakeCase(field.name);
  switch (field.kind) {
    case 'be16':
      return `__be16 ${name}`;
    case 'ip':
      return `struct ip_address ${name}`;
    case 'ips':
      return `struct ip_address ${name}[${field.count}]`;
    case 'u16s':
      return `__u16 ${name}[${field.count}]`;
    case 'mac':
      return `__u8 ${name}[6]`;
    case 'bytes':
    case 'pad':
      return `__u8 ${name}[${field.count}]`;
    default:
      return `__${field.kind} ${name}`;
  }
}

function printMap(map: AnyBpfMapSpec): readonly string[] {
  const comment = `/* ${map.about} */`;
  if (map.firstEntries === undefined)
    return [comment, 'struct {', ...mapBody(map), `} ${map.name} SEC(".maps");`, ''];
  // A slot for the map of now (bpf/lib/growing_map.h). The kernel takes any size there; the size of the pattern says nothing.
  return [
    comment,
    `struct ${map.name}_of_now {`,
    `\t__uint(type, BPF_MAP_TYPE_${map.kind});`,
    // In numbers: of types behind two pointers clang keeps only the names.
    `\t__uint(key_size, sizeof(struct ${map.key.name}));`,
    `\t__uint(value_size, sizeof(struct ${map.value.name}));`,
    ...limitsOf(map, map.firstEntries),
    '};',
    'struct {',
    '\t__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);',
    '\t__type(key, __u32);',
    '\t__uint(max_entries, 1);',
    `\t__array(values, struct ${map.name}_of_now);`,
    `} ${map.name} SEC(".maps");`,
    '',
  ];
}

function mapBody(map: AnyBpfMapSpec): readonly string[] {
  const isRing = map.kind === 'RINGBUF';
  // The kernel takes array keys of 32-bit integers alone, socket storage keys of type int (arraymap.c, bpf_local_storage.c).
  const key =
    map.kind === 'SK_STORAGE' ? 'int' : map.kind.endsWith('ARRAY') ? '__u32' : `struct ${map.key.name}`;
  return [
    `\t__uint(type, BPF_MAP_TYPE_${map.kind});`,
    ...(isRing ? [] : [`\t__type(key, ${key});`, `\t__type(value, struct ${map.value.name});`]),
    ...limitsOf(map, map.maxEntries),
  ];
}

function limitsOf({ kind, flags }: AnyBpfMapSpec, maxEntries: number): readonly string[] {
  return [
    ...(kind === 'SK_STORAGE' ? [] : [`\t__uint(max_entries, ${maxEntries});`]),
    ...(flags.length === 0 ? [] : [`\t__uint(map_flags, ${flags.join(' | ')});`]),
  ];
}

/** "frontendPort" becomes "frontend_port". */
export function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
