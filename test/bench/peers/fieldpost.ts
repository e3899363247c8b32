/** This project: the hub's listener and the agent's sync, with real sockets and folders. */

import { OUT } from '../../../agent/agent.ts';
import { sync } from '../../../agent/sync.ts';
import { countMaildir, openEntry } from '../../../shared/io/maildir.ts';
import { postUp, syncPair } from '../../support/sync-office.ts';
import { peopleOf } from '../envelope.ts';
import type { Peer } from '../peer.ts';

/** One whose bytes have a price: then no time is too long to save some, however fast the line of the bench is. */
const LINK = { name: 'satellite', price_per_mb: 100 };

export const fieldpost: Peer = {
  name: 'Fieldpost',
  encrypted: true,
  needs: [],
  open: async () => {
    const pair = await syncPair({ idle: '3 min' });
    return {
      proxy: pair.proxy,
      post: async (mails, people) => {
        for (const mail of mails) await postUp(pair.agent, mail, peopleOf(people));
      },
      call: async () => (await sync(pair.agent, { link: LINK })).ok,
      isEmpty: async () => (await countMaildir(pair.agent.store, OUT)).mails === 0,
      delivered: async () => {
        const mails: Buffer[] = [];
        for (const { key } of await pair.hub.entries('internet')) {
          const entry = await openEntry(pair.hub.store, key);
          const chunks: Uint8Array[] = [];
          for await (const chunk of entry?.body.read() ?? []) chunks.push(chunk);
          mails.push(Buffer.concat(chunks));
        }
        return mails;
      },
      close: () => pair.close(),
    };
  },
};
