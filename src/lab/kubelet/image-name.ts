// What an image is called: its short name, and whether its reference is one at all. Images are never pulled: their name alone says
// what runs in their place. Pure.

/** "agnhost" of "registry.k8s.io/e2e-test-images/agnhost:2.53@sha256:...": the same whatever registry, tag or digest. */
export function imageName(image: string): string {
  const last = (image.split('@')[0] ?? '').split('/').at(-1) ?? '';
  return last.split(':')[0] ?? '';
}

const LABEL = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const DOMAIN = String.raw`(?:${LABEL}(?:\.${LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?`;
const COMPONENT = String.raw`[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*`;
const TAG = String.raw`\w[\w.-]{0,127}`;
const DIGEST = String.raw`[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}`;
/** The grammar of image references (distribution project, "reference"). */
const REFERENCE = new RegExp(
  `^((?:${DOMAIN}/)?${COMPONENT}(?:/${COMPONENT})*)(?::(?:${TAG}))?(?:@(?:${DIGEST}))?$`,
);
const MAX_NAME_CHARS = 255;

/** What is wrong with a reference, in the words of container runtimes; undefined for a good one. */
export function imageReferenceProblem(image: string): string | undefined {
  if (/^[0-9a-f]{64}$/.test(image)) {
    return `invalid repository name (${image}), cannot specify 64-byte hexadecimal strings`;
  }
  const { domain, rest } = splitDomain(image);
  const repository = rest.split(':')[0] ?? '';
  if (repository !== repository.toLowerCase()) {
    return `invalid reference format: repository name (${repository}) must be lowercase`;
  }
  const match = REFERENCE.exec(`${domain}/${rest}`);
  if (match === null) return 'invalid reference format';
  if ((match[1] ?? '').length <= MAX_NAME_CHARS) return undefined;
  return `repository name must not be more than ${MAX_NAME_CHARS} characters`;
}

/** The first part is a registry where it looks like a host; without one, docker.io is meant, and its library for a plain name. */
function splitDomain(image: string): { readonly domain: string; readonly rest: string } {
  const slash = image.indexOf('/');
  const first = slash < 0 ? '' : image.slice(0, slash);
  const isHost = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
  if (isHost) return { domain: first, rest: image.slice(slash + 1) };
  return { domain: 'docker.io', rest: image.includes('/') ? image : `library/${image}` };
}
