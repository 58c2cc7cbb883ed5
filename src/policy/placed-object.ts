// Kubernetes objects with the place where they are written, so that every answer can point to a line.

/** One object of a file, or of a cluster. */
export interface PlacedObject {
  /** Of a cluster what stands for a file in messages. */
  readonly file: string;
  readonly object: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly metadata: {
      readonly name: string;
      readonly namespace?: string;
      readonly labels?: Readonly<Record<string, string>>;
    };
    readonly [field: string]: unknown;
  };
  /** Line (from 1; 0 of what is in no file) of a field path such as "spec.ingress[0].from[1]", or of its nearest parent that is written down. */
  readonly lineOf: (field: string) => number;
}

/** Lines count from 1; 0 stands for what is in no file. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

export function placeOf(placed: PlacedObject, field = ''): Place {
  return { file: placed.file, line: placed.lineOf(field) };
}

export function placeText({ file, line }: Place): string {
  return line === 0 ? file : `${file}:${line}`;
}

/** The namespace that the object lives in: `default` where it names none. */
export function namespaceOf({ object }: PlacedObject): string {
  return object.metadata.namespace ?? 'default';
}
