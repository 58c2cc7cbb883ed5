// What is asked of the API, as authorization sees it: a verb on resources, or a verb on another path (authorizer.Attributes of k8s.io/apiserver).

/** Who asks. */
export interface Requester {
  readonly name: string;
  readonly groups: readonly string[];
}

export interface ResourceAttributes {
  readonly kind: 'resource';
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  /** '' for the resource itself. */
  readonly subresource: string;
  /** '' for the whole cluster. */
  readonly namespace: string;
  /** '' where no single object is meant, or none that has its name yet. */
  readonly name: string;
}

export interface PathAttributes {
  readonly kind: 'path';
  readonly verb: string;
  readonly path: string;
}

export type RequestAttributes = ResourceAttributes | PathAttributes;

/** "pods/log", as rules name a part of a resource. */
export function combinedResource({ resource, subresource }: ResourceAttributes): string {
  return subresource === '' ? resource : `${resource}/${subresource}`;
}

/** 'User "x" cannot list resource "pods" in API group "" in the namespace "default"': the API server's own sentence. */
export function refusalText(user: string, attributes: RequestAttributes): string {
  const who = `User ${JSON.stringify(user)} cannot ${attributes.verb}`;
  if (attributes.kind === 'path') return `${who} path ${JSON.stringify(attributes.path)}`;
  const { group, namespace } = attributes;
  const what = `resource ${JSON.stringify(combinedResource(attributes))} in API group ${JSON.stringify(group)}`;
  const where = namespace === '' ? 'at the cluster scope' : `in the namespace ${JSON.stringify(namespace)}`;
  return `${who} ${what} ${where}`;
}
