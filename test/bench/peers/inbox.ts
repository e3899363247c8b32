/** Where a carrier of files or commands leaves what it brought: a script for it to run, and what the script wrote. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unpackBatch } from '../batch.ts';

export interface Inbox {
  /** Folder of the scripts rmail (one mail) and rbatch (a batch). */
  readonly bin: string;
  mails(): Promise<readonly Buffer[]>;
}

export async function openInbox(folder: string): Promise<Inbox> {
  const [bin, inbox] = [join(folder, 'bin'), join(folder, 'inbox')];
  for (const path of [bin, inbox]) await mkdir(path, { mode: 0o755 });
  for (const name of ['rmail', 'rbatch'])
    await writeFile(
      join(bin, name),
      `#!/bin/sh\nset -e\nPATH=/usr/bin:/bin\nfile=$(mktemp ${inbox}/.XXXXXXXXXX)\ncat > "$file"\nmv "$file" "${inbox}/${name}-$\{file##*/.}"\n`,
      { mode: 0o755 },
    );
  return {
    bin,
    mails: async () => {
      const names = (await readdir(inbox)).filter((name) => !name.startsWith('.'));
      const files = names.map(async (name) => {
        const bytes = await readFile(join(inbox, name));
        return name.startsWith('rbatch') ? unpackBatch(bytes) : [bytes];
      });
      return (await Promise.all(files)).flat();
    },
  };
}
