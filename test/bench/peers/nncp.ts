/** NNCP over its own encrypted TCP: `rmail` for each mail, or `rbatch` with a batch for each call. */
import { spawn } from 'node:child_process';
import { readdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { CuttingProxy } from '../../support/cutting-proxy.ts';
import { done, run } from '../../support/program.ts';
import { freePort } from '../../support/sites.ts';
import { until } from '../../support/until.ts';
import { packBatch } from '../batch.ts';
import { peopleOf } from '../envelope.ts';
import type { Peer } from '../peer.ts';
import { type Inbox, openInbox } from './inbox.ts';

const program = (name: string): string => `/usr/bin/nncp-${name}`;

/** How long a call without traffic lasts. Its own 10 s on a slow line; on a fast one nobody has to wait for them. */
const deadlineSeconds = (isSlow: boolean): string => (isSlow ? '10' : '2');

type Keys = Readonly<Record<string, string>>;

async function newKeys(): Promise<Keys> {
  const { out } = done(await run(program('cfgnew'), ['-nocomments']));
  const self = /self: \{([^}]*)\}/.exec(out)?.[1] ?? '';
  return Object.fromEntries([...self.matchAll(/(\w+): (\w+)/g)].map(([, name = '', value = '']) => [name, value]));
}

const known = ({ id, exchpub, signpub, noisepub }: Keys): Keys =>
  ({ id, exchpub, signpub, noisepub }) as Record<string, string>;

async function configure(folder: string, port: number, { bin }: Inbox): Promise<{ readonly hubId: string }> {
  const [office, hub] = [await newKeys(), await newKeys()];
  const exec = { rmail: [`${bin}/rmail`], rbatch: [`${bin}/rbatch`] };
  const configs = {
    office: {
      self: office,
      neigh: { self: known(office), hub: { ...known(hub), addrs: { line: `127.0.0.1:${port}` } } },
    },
    hub: { self: hub, neigh: { self: known(hub), office: { ...known(office), exec } } },
  };
  for (const [name, config] of Object.entries(configs))
    await writeFile(
      join(folder, `${name}.json`),
      JSON.stringify({ spool: join(folder, name), log: join(folder, `${name}.log`), ...config }),
    );
  return { hubId: hub.id ?? '' };
}

const listens = (port: number): Promise<true | undefined> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(undefined));
    socket.once('connect', () => socket.destroy());
  });

const nncp = (name: string, batches: boolean): Peer => ({
  name,
  encrypted: true,
  needs: ['cfgnew', 'daemon', 'call', 'exec', 'toss'].map(program),
  open: async (folder) => {
    const inbox = await openInbox(folder);
    const port = await freePort();
    const proxy = await CuttingProxy.open(`127.0.0.1:${port}`);
    const { hubId } = await configure(folder, proxy.port, inbox);
    const [office, hub] = ['office', 'hub'].map((end) => ['-cfg', join(folder, `${end}.json`), '-quiet']);
    const daemon = spawn(program('daemon'), [...(hub ?? []), '-bind', `127.0.0.1:${port}`], { stdio: 'ignore' });
    const ended = new Promise((resolve) => daemon.once('close', resolve));
    await until(
      () => listens(port),
      async () => 'nncp-daemon does not listen',
    );
    const queue = async (args: readonly string[], input: Buffer): Promise<void> => {
      done(await run(program('exec'), [...(office ?? []), '-noprogress', 'hub', ...args], { input }));
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
          (await run(program('call'), [...(office ?? []), '-noprogress', '-onlinedeadline', seconds, 'hub'])).code === 0
        );
      },
      isEmpty: async () =>
        !(await readdir(join(folder, 'office', hubId, 'tx'))).some((file) => /^[A-Z2-7]{52}$/.test(file)),
      delivered: async () => {
        await run(program('toss'), [...(hub ?? []), '-noprogress']);
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
