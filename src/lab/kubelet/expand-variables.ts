// $(NAME) in commands, arguments and environment values, as Kubernetes expands it: known names are replaced, unknown ones
// stay as they are, $$ is a dollar sign.

/** Expands once; what a value brings in is not expanded again. */
export function expandVariables(text: string, values: ReadonlyMap<string, string>): string {
  return text.replaceAll(/\$(\$|\(([^()]*)\))/g, (whole, inner: string, name: string | undefined) => {
    if (inner === '$') return '$';
    return values.get(name ?? '') ?? whole;
  });
}
