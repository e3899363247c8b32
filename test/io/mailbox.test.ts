/** What POP3 shows of a mailbox on a bucket, where a mail lies in its place before it is ours. */
import { expect, test } from 'vitest';
import { accepted } from '../../shared/core/verdict.ts';
import { accept } from '../../shared/io/accept.ts';
import { Mailboxes } from '../../shared/io/mailbox.ts';
import { arrivalOf, placeOf } from '../support/accept-world.ts';
import { Disk, Killed, Session } from '../support/faulty-store.ts';

test('a mail that nobody was told yes for is not shown', async () => {
  const disk = new Disk('in place');
  const place = (session: Session) =>
    placeOf(session, (_peer, sender, recipient) => ({
      verdict: accepted('ok'),
      deliveries: [{ maildir: 'mailbox/holly', form: 'mailbox', sender, recipient }],
    }));
  const shown = async (): Promise<number> => (await new Mailboxes(new Session(disk)).at('mailbox/holly').list()).length;
  const killed = new Session(disk, { faults: new Map([[2, 'killed before']]) });
  await expect(accept(place(killed), arrivalOf(['holly@example.org']), 1_795_000_000)).rejects.toThrow(Killed);
  expect(disk.files.size).toBe(1);
  expect(await shown()).toBe(0);
  await accept(place(new Session(disk)), arrivalOf(['holly@example.org']), 1_795_000_000);
  expect(await shown()).toBe(1);
});
