// Command line flags as the Go programs of Kubernetes read them: --name=value, --name value, and --name alone for switches.

export interface Flags {
  readonly values: ReadonlyMap<string, string>;
  readonly rest: readonly string[];
}

/** `switches` are the flags that take a value only after "=". Unknown flags are kept: a stand-in is lenient. */
export function parseFlags(args: readonly string[], switches: readonly string[] = []): Flags {
  const values = new Map<string, string>();
  const rest: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? '';
    const match = /^--?([A-Za-z][A-Za-z0-9-]*)(?:=(.*))?$/s.exec(arg);
    if (match === null) {
      rest.push(arg);
      continue;
    }
    const [, name = '', value] = match;
    if (value !== undefined) values.set(name, value);
    else if (switches.includes(name)) values.set(name, 'true');
    else values.set(name, args[++i] ?? '');
  }
  return { values, rest };
}

/** A number from the flag; the default where it is absent or no number. */
export function numberFlag(flags: Flags, name: string, fallback: number): number {
  const value = Number.parseInt(flags.values.get(name) ?? '', 10);
  return Number.isNaN(value) ? fallback : value;
}

export function boolFlag(flags: Flags, name: string, fallback: boolean): boolean {
  const value = flags.values.get(name);
  return value === undefined ? fallback : value === 'true' || value === '1';
}
