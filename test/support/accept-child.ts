/** A program that accepts mails as fast as it can, to be killed: `accept-child.ts FOLDER FIRST COUNT`. Says what it accepted. */
import { join } from 'node:path';
import { accepted } from '../../shared/core/verdict.ts';
import { accept } from '../../shared/io/accept.ts';
import { openFsStore } from '../../shared/io/fs-store.ts';
import { Intake } from '../../shared/io/intake.ts';
import { recover } from '../../shared/io/recover.ts';
import { emptySpool } from '../../shared/io/spool.ts';
import { placeOf } from './accept-world.ts';

const [, , folder = '', first = '0', count = '0'] = process.argv;
const AT_ONCE = 8;
const NOW = 1_795_471_464;

const spool = join(folder, 'spool');
const store = await openFsStore(join(folder, 'store'), { owner: 'hub' });
const place = placeOf(store, (_peer, sender, recipient) => ({
  verdict: accepted('ok'),
  deliveries: [{ maildir: recipient.replace('@x', ''), form: 'entry', sender, recipient }],
}));

async function acceptOne(number: number): Promise<void> {
  const intake = new Intake({ spool, bytesMax: 1e9, trace: { protocol: 'local', hostname: 'x', now: NOW } });
  // Every tenth mail is large enough for the spool folder.
  await intake.write(Buffer.from(`Message-ID: <${number}@x>\n\n${'x'.repeat(number % 10 === 0 ? 300_000 : 1_000)}\n`));
  const envelope = {
    peer: { name: 'test', relays: true },
    sender: `${number}@s`,
    recipients: ['internet@x', 'office/herat@x'],
  };
  const verdicts = await accept(place, await intake.finish(envelope), NOW);
  await intake.discard();
  if (verdicts.every(({ letter }) => letter === 'K')) process.stdout.write(`${number}\n`);
}

await emptySpool(spool);
await recover(place);
const numbers = Array.from({ length: Number(count) }, (_, index) => Number(first) + index).values();
const worker = async (): Promise<void> => {
  for (const number of numbers) await acceptOne(number);
};
await Promise.all(Array.from({ length: AT_ONCE }, worker));
