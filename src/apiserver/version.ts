// The version of the Kubernetes API that this server speaks, as clients ask for it.

const MAJOR = '1';
const MINOR = '33';
/** Nodes say that they run the same. */
export const GIT_VERSION = `v${MAJOR}.${MINOR}.0+fairlead`;

/** What /version answers. */
export function versionInfo(): object {
  return {
    major: MAJOR,
    minor: MINOR,
    gitVersion: GIT_VERSION,
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: '',
    compiler: '',
    platform: `linux/${process.arch === 'x64' ? 'amd64' : process.arch}`,
  };
}
