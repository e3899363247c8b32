/** What a mail gets on its way out to other people's servers: a sender that their SPF takes, and our signature. */
import type { Transaction } from './destinations.ts';
import { loadDkim, signed } from './dkim.ts';
import type { Hub } from './hub.ts';
import { hubTables } from './hub-tables.ts';
import { makeSrs } from './srs.ts';

export type Leaving = (transaction: Transaction) => Promise<Transaction>;

/** Throws ConfigError for a `[dkim]` that cannot be used. */
export function makeLeaving(hub: Hub): Leaving {
  const key = loadDkim(hub.config);
  const srs = hub.config.relay.srs ? makeSrs(hub.secret) : undefined;
  return async (transaction) => {
    const tables = hubTables(hub.directory.current, hub.config);
    const now = hub.now();
    const sender = srs ? srs.leaving(tables, transaction.sender, now) : transaction.sender;
    const body = key ? await signed(tables, key, { body: transaction.body, now }) : transaction.body;
    const { form } = transaction;
    // Upper bound: each line of the signature has less than two bytes more on the wire.
    const wireBytes = form.wireBytes + 2 * (body.size - transaction.body.size);
    return { ...transaction, sender, body, form: { ...form, wireBytes } };
  };
}
