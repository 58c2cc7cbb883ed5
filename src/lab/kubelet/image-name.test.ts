import assert from 'node:assert/strict';
import { test } from 'node:test';
import { imageName, imageReferenceProblem } from './image-name.ts';

test('imageName() is the last part, without registry, tag and digest', () => {
  assert.equal(imageName('registry.k8s.io:5000/e2e/agnhost:2.53@sha256:abc'), 'agnhost');
});

test('imageReferenceProblem() is undefined for every form of a reference', () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  const good = [
    'nginx',
    'nginx:1.27',
    'nginx:1.27-alpine_Slim',
    `nginx@${digest}`,
    `registry.k8s.io/e2e-test-images/agnhost:2.53@${digest}`,
    'localhost:5000/my__app',
    'Host/app',
    '[::1]:5000/app:v1',
    'user/app.with--dashes',
  ];
  assert.deepEqual(
    good.map((it) => imageReferenceProblem(it)),
    good.map(() => undefined),
  );
});

test('imageReferenceProblem() says what is wrong as container runtimes do', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['nginx:::', 'invalid reference format'],
    ['', 'invalid reference format'],
    [' nginx', 'invalid reference format'],
    ['nginx:', 'invalid reference format'],
    ['nginx@sha256:abc', 'invalid reference format'],
    ['https://registry/app', 'invalid reference format'],
    ['a//b', 'invalid reference format'],
    ['-app', 'invalid reference format'],
    [`nginx:${'t'.repeat(129)}`, 'invalid reference format'],
    ['Nginx', 'invalid reference format: repository name (library/Nginx) must be lowercase'],
    ['shop/Web:1', 'invalid reference format: repository name (shop/Web) must be lowercase'],
    [
      'a'.repeat(64),
      `invalid repository name (${'a'.repeat(64)}), cannot specify 64-byte hexadecimal strings`,
    ],
    ['x'.repeat(250), 'repository name must not be more than 255 characters'],
  ];
  assert.deepEqual(
    rows.map(([image]) => [image, imageReferenceProblem(image)]),
    rows,
  );
});
