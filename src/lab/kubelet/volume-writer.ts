// Files of a projected volume on disk, replaced all at once as kubelet does:
//   <volume>/key      -> ..data/key      (link, made once)
//   <volume>/..data   -> ..<number>      (link, replaced by rename)
//   <volume>/..<number>/key              (the files)

import { chmod, mkdir, readdir, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { VolumeFile } from './volume-files.ts';

/** Makes the volume show exactly these files; writes nothing where it does already. */
export async function writeVolume(
  folder: string,
  files: readonly VolumeFile[],
  nowMs: number,
): Promise<void> {
  const data = `${folder}/..data`;
  const old = await readlink(data).catch(() => undefined);
  if (old !== undefined && (await shows(`${folder}/${old}`, files))) return;
  const fresh = `..${nowMs}_${process.pid}`;
  await mkdir(`${folder}/${fresh}`, { recursive: true });
  for (const file of files) {
    const target = `${folder}/${fresh}/${file.path}`;
    await mkdir(path.dirname(target), { recursive: true });
    await writeFile(target, file.data);
    // The mode is exact, whatever the process's umask.
    await chmod(target, file.mode);
  }
  await symlink(fresh, `${data}.new`);
  await rename(`${data}.new`, data);
  await setLinks(folder, new Set(files.map((it) => it.path.split('/')[0] ?? '')));
  if (old !== undefined) await rm(`${folder}/${old}`, { recursive: true, force: true });
}

async function shows(folder: string, files: readonly VolumeFile[]): Promise<boolean> {
  const present = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  if (present.filter((it) => it.isFile()).length !== files.length) return false;
  for (const file of files) {
    const data = await readFile(`${folder}/${file.path}`).catch(() => undefined);
    if (data === undefined || !data.equals(file.data)) return false;
  }
  return true;
}

async function setLinks(folder: string, names: ReadonlySet<string>): Promise<void> {
  const present = new Set((await readdir(folder)).filter((it) => !it.startsWith('..')));
  for (const name of names) if (!present.has(name)) await symlink(`..data/${name}`, `${folder}/${name}`);
  for (const name of present) if (!names.has(name)) await rm(`${folder}/${name}`, { force: true });
}
