/** rsync with zstd through ssh: a folder of mails, one file each; what was cut is kept in part. It knows no envelope. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../support/program.ts';
import type { Peer } from '../peer.ts';
import { openSsh, SSH_NEEDS } from './ssh.ts';

export const rsync: Peer = {
  name: 'rsync zstd in ssh',
  encrypted: true,
  needs: ['/usr/bin/rsync', ...SSH_NEEDS],
  open: async (folder) => {
    const [outbox, inbox] = [join(folder, 'outbox'), join(folder, 'inbox')];
    for (const path of [outbox, inbox]) await mkdir(path);
    const ssh = await openSsh(folder);
    let number = 0;
    return {
      proxy: ssh.proxy,
      post: async (mails, people) => {
        for (const mail of mails)
          for (let copy = 0; copy < people; copy += 1) {
            number += 1;
            await writeFile(join(outbox, String(number).padStart(6, '0')), mail);
          }
      },
      call: async () => {
        const { code } = await run('/usr/bin/rsync', [
          ...['-rt', '--compress', '--compress-choice=zstd', '--compress-level=19', '--partial-dir=.partial'],
          ...[
            '--remove-source-files',
            '-e',
            ['ssh', ...ssh.options].join(' '),
            `${outbox}/`,
            `${ssh.target}:${inbox}/`,
          ],
        ]);
        return code === 0;
      },
      isEmpty: async () => (await readdir(outbox)).length === 0,
      delivered: async () => {
        const names = (await readdir(inbox)).filter((name) => !name.startsWith('.'));
        return Promise.all(names.map((name) => readFile(join(inbox, name))));
      },
      close: () => ssh.close(),
    };
  },
};
