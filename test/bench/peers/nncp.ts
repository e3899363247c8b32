/** NNCP over its own encrypted TCP: `rmail` for each mail, or `rbatch` with a batch for each call. */
import { spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { CuttingProxy } from '../../support/cutting-proxy.ts';
import { makeNncp, nncpProgram } from '../../support/nncp.ts';
import { done, run } from '../../support/program.ts';
import { freePort } from '../../support/sites.ts';
import { until } from '../../support/until.ts';
import { packBatch } from '../batch.ts';
import { peopleOf } from '../envelope.ts';
import type { Peer } from '../peer.ts';
import { openInbox } from './inbox.ts';

/** How long a call without traffic lasts. Its own 10 s on a slow line; on a fast one nobody has to wait for them. */
const deadlineSeconds = (isSlow: boolean): string => (isSlow ? '10' : '2');

const listens = (port: number): Promise<true | undefined> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(undefined));
    socket.once('connect', () => socket.destroy());
  });

const nncp = (name: string, batches: boolean): Peer => ({
  name,
  encrypted: true,
  needs: ['cfgnew', 'daemon', 'call', 'exec', 'toss'].map(nncpProgram),
  open: async (folder) => {
    const inbox = await openInbox(folder);
    const port = await freePort();
    const proxy = await CuttingProxy.open(`127.0.0.1:${port}`);
    const { hubId, configOf } = await makeNncp({
      folder,
      office: { addrs: { line: `127.0.0.1:${proxy.port}` } },
      hub: { exec: { rmail: [`${inbox.bin}/rmail`], rbatch: [`${inbox.bin}/rbatch`] } },
    });
    const { office, hub } = configOf;
    const daemon = spawn(nncpProgram('daemon'), [...hub, '-bind', `127.0.0.1:${port}`], { stdio: 'ignore' });
    const ended = new Promise((resolve) => daemon.once('close', resolve));
    await until(
      () => listens(port),
      async () => 'nncp-daemon does not listen',
    );
    const queue = async (args: readonly string[], input: Buffer): Promise<void> => {
      done(await run(nncpProgram('exec'), [...office, '-noprogress', 'hub', ...args], { input }));
    };
    return {
      proxy,
      post: async (mails, people) => {
        if (batches && mails.length > 0) await queue(['rbatch'], packBatch(mails, people));
        if (!batches) for (const mail of mails) await queue(['rmail', ...peopleOf(people)], mail);
      },
      call: async () => {
        const seconds = deadlineSeconds(proxy.pace !== undefined);
        return (
          (await run(nncpProgram('call'), [...office, '-noprogress', '-onlinedeadline', seconds, 'hub'])).code === 0
        );
      },
      isEmpty: async () =>
        !(await readdir(join(folder, 'office', hubId, 'tx'))).some((file) => /^[A-Z2-7]{52}$/.test(file)),
      delivered: async () => {
        await run(nncpProgram('toss'), [...hub, '-noprogress']);
        return inbox.mails();
      },
      close: async () => {
        await proxy.close();
        daemon.kill('SIGTERM');
        await ended;
      },
    };
  },
});

export const NNCP: readonly Peer[] = [nncp('NNCP + zstd batch', true), nncp('NNCP per mail', false)];
