// What an image is called. Images are never pulled: their name alone says what runs in their place. Pure.

/** "agnhost" of "registry.k8s.io/e2e-test-images/agnhost:2.53@sha256:...": the same whatever registry, tag or digest. */
export function imageName(image: string): string {
  const last = (image.split('@')[0] ?? '').split('/').at(-1) ?? '';
  return last.split(':')[0] ?? '';
}
