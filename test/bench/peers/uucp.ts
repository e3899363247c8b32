/** Taylor UUCP over TCP, not encrypted: `rmail` for each mail, or `rbatch` with a batch for each call. */
import { stat } from 'node:fs/promises';
import { done, run } from '../../support/program.ts';
import { openUucp, UUCP_PROGRAMS } from '../../support/uucp.ts';
import { packBatch } from '../batch.ts';
import { peopleOf } from '../envelope.ts';
import type { Peer } from '../peer.ts';
import { openInbox } from './inbox.ts';

const uucp = (name: string, protocol: string, batches: boolean): Peer => ({
  name,
  encrypted: false,
  needs: UUCP_PROGRAMS,
  open: async (folder) => {
    const inbox = await openInbox(folder);
    const hub = { names: 'rmail rbatch', path: inbox.bin };
    const line = await openUucp({ folder, protocol, commands: { hub, office: { names: '', path: '' } } });
    // What it runs writes there as the user uucp.
    done(await run('chown', ['-R', 'uucp:uucp', folder]));
    const queue = async (command: readonly string[], input: Buffer): Promise<void> => {
      const [program = '', ...words] = line.uux('office', command);
      done(await run(program, words, { input }));
    };
    return {
      proxy: line.proxy,
      post: async (mails, people) => {
        if (batches && mails.length > 0) await queue(['hub!rbatch'], packBatch(mails, people));
        if (!batches)
          for (const mail of mails) await queue(['hub!rmail', ...peopleOf(people).map((to) => `(${to})`)], mail);
      },
      call: () => line.call(),
      isEmpty: async () => !(await line.spooled('office')).some((path) => path.includes('/C./')),
      delivered: async () => {
        await line.execute('hub');
        return inbox.mails();
      },
      advance: async () => {
        // A uucico that is ending takes its files with it.
        const sizes = (await line.spooled('hub')).map(
          async (path) => (await stat(path).catch(() => undefined))?.size ?? 0,
        );
        return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
      },
      close: () => line.close(),
    };
  },
});

export const UUCP: readonly Peer[] = [
  uucp('UUCP t + zstd batch', 't', true),
  uucp('UUCP i + zstd batch', 'i', true),
  uucp('UUCP i per mail', 'i', false),
];
