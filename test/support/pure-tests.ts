/** Unit tests of the folders that have no I/O (ARCHITECTURE.md): `test/pure.test.ts` runs them in one process. */
export const PURE_TESTS = 'src/{base,wire,objects,compile,oracle,policy}/**/*.test.ts';
