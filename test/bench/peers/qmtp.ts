/**
 * QMTP in the manner of maildirqmtp and qmail-qmtpd, which Debian does not have: all packages on one connection without waiting for
 * answers, one recipient each; what has no answer is sent again at the next call. Plain, or through ssh with compression.
 */
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { CuttingProxy } from '../../support/cutting-proxy.ts';
import { qmtpPackage } from '../../support/qmtp-client.ts';
import { startQmtpPeer } from '../../support/qmtp-peer.ts';
import { peopleOf, SENDER } from '../envelope.ts';
import type { Peer, PeerSite } from '../peer.ts';
import { openSsh, SSH_NEEDS, sshStream } from './ssh.ts';

const ANSWER = '2:Ko,';

/** Sends the queue, and takes off it what has its answer. */
async function send(stream: Duplex, queue: Buffer[]): Promise<boolean> {
  stream.on('error', () => stream.destroy());
  for (const packed of queue) stream.write(packed);
  let [heard, taken] = ['', 0];
  try {
    for await (const chunk of queue.length > 0 ? stream : []) {
      heard += (chunk as Buffer).toString('latin1');
      for (; heard.startsWith(ANSWER); taken += 1) heard = heard.slice(ANSWER.length);
      if (taken === queue.length) break;
    }
  } catch {
    // A cut; what was answered stands.
  }
  stream.destroy();
  queue.splice(0, taken);
  return queue.length === 0;
}

type Ends = Pick<PeerSite, 'proxy' | 'close'> & { dial(): Duplex };

async function site(ends: (port: number) => Promise<Ends>): Promise<PeerSite> {
  const server = await startQmtpPeer({ answer: () => 'Ko' });
  const { proxy, dial, close } = await ends(server.port);
  const queue: Buffer[] = [];
  return {
    proxy,
    post: async (mails, people) => {
      for (const body of mails)
        for (const to of peopleOf(people)) queue.push(qmtpPackage({ from: SENDER, to: [to], body }));
    },
    call: () => send(dial(), queue),
    isEmpty: async () => queue.length === 0,
    delivered: async () => server.mails.map(({ text }) => text),
    close: async () => {
      await close();
      await server.close();
    },
  };
}

export const qmtp: Peer = {
  name: 'QMTP',
  encrypted: false,
  needs: [],
  open: () =>
    site(async (port) => {
      const proxy = await CuttingProxy.open(`127.0.0.1:${port}`);
      return { proxy, dial: () => connect(proxy.port, '127.0.0.1'), close: () => proxy.close() };
    }),
};

export const qmtpInSsh: Peer = {
  name: 'QMTP in ssh -C',
  encrypted: true,
  needs: SSH_NEEDS,
  open: (folder) =>
    site(async (port) => {
      const ssh = await openSsh(folder);
      return {
        proxy: ssh.proxy,
        dial: () => sshStream([...ssh.options, '-C', '-W', `127.0.0.1:${port}`, ssh.target]),
        close: () => ssh.close(),
      };
    }),
};
