// The password "open sesame" as htpasswd and openssl write it, and a Secret with it.

export const HASHED: readonly { readonly user: string; readonly hash: string }[] = [
  { user: 'apr1', hash: '$apr1$saltsalt$HIDXe7D36X22w1CH4M1cQ.' },
  { user: 'md5', hash: '$1$saltsalt$Yo6tRKYGO/jWyb1etwHDS/' },
  { user: 'sha256', hash: '$5$saltsalt$yrhPKxCqiWcCE9h0g86j6Ugz7SDFdFm.BjU.d8RaQnC' },
  {
    user: 'sha512',
    hash: '$6$saltsalt$e/5XKibXPLqVcfjpD.ouauaJrAOL5V0uo80Lt7n7EbRdRiCx3HbQ90yjOHr.G0T.mx79PEMRy8nmtr0qSYhQp1',
  },
  { user: 'sha1', hash: '{SHA}W8r/fyL/UzygmbNAjq2HbA67qac=' },
  { user: 'salted', hash: '{SSHA}6xN0nVFvd7O3Vd8NWMlNANY4WjNzYWx0ACE=' },
  { user: 'bcrypt', hash: '$2y$05$bhEmYqBmiOaVEVYwUPoXiOmL2cIRMCoA7n/q1XKKLpQzLCcQlNqQe' },
];

/** With all of them, as lines of `auth` and as keys of their own. */
export function passwordSecret(name: string): string {
  const encoded = (text: string): string => Buffer.from(text).toString('base64');
  const lines = HASHED.map(({ user, hash }) => `${user}:${hash}`);
  return JSON.stringify({
    kind: 'Secret',
    apiVersion: 'v1',
    metadata: { namespace: 'default', name },
    type: 'Opaque',
    data: {
      auth: encoded(`# who may come in\n${lines.join('\n')}\n`),
      ...Object.fromEntries(HASHED.map(({ user, hash }) => [user, encoded(hash)])),
    },
  });
}
