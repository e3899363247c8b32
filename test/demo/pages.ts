/** The demo's first and last words. */
import { relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Network, OFFICES, POSTED } from '../support/network.ts';
import type { Demo } from './demo.ts';
import { bold, green, heading, officeTable, plural, red } from './show.ts';

const fromHere = (path: string): string => relative(process.cwd(), path) || path;

export function printNetwork(
  network: Network,
  mails: number,
  { mail, store }: { readonly mail: string; readonly store: string },
): void {
  console.log(bold('Fieldpost: one hub, three offices, on this machine'));
  const { smtp, qmtp, sync } = network.hub.daemon.listen;
  console.log(
    `  kabul   the hub: SMTP ${smtp}, QMTP ${qmtp}, offices dial ${sync}; its store is ${store === 's3' ? 'a bucket (Ceph)' : 'a folder'}`,
  );
  for (const name of OFFICES) console.log(`  ${name}   an agent for ${(POSTED[name] ?? []).join(' and ')}`);
  console.log('  ghazni  a plain qmail office: the hub pushes its mail by QMTP');
  console.log(`  ${plural(mails, 'mail')} of ${fromHere(mail)}`);
}

/** Answers whether everything is well. */
export function printEnd(network: Network, demo: Demo): boolean {
  heading('What came of it');
  console.log(officeTable(demo.rows));
  const complaints = demo.ledger.complaints();
  for (const complaint of complaints.slice(0, 20)) console.log(red(complaint));
  const { wanted } = demo.ledger.count();
  if (complaints.length === 0) console.log(green(`\nAll ${wanted} copies arrived, each exactly once, byte for byte.`));
  else console.log(red(`\n${complaints.length} of ${wanted} copies are not as they should be.`));
  console.log('\nThe Maildirs are real ones; read them with any mail program:');
  for (const { place, folder } of network.mailboxes) console.log(`  ${place.padEnd(14)} mutt -f ${fromHere(folder)}`);
  return complaints.length === 0;
}

const SYNC_EVERY_MS = 2000;

/** Goes on until Ctrl-C; every office syncs every two seconds. */
export async function keepRunning(network: Network): Promise<void> {
  heading('Still running; point a mail program at it. Ctrl-C stops it.');
  console.log(`  the Internet's way in: SMTP ${network.hub.daemon.listen.smtp}, for anybody @example.org`);
  for (const office of network.offices.values()) {
    const { smtp, pop3 } = office.daemon.listen;
    const people = POSTED[office.name as (typeof OFFICES)[number]] ?? [];
    for (const person of people)
      await office.command(['user', 'add', person, '--password-stdin'], { input: `${person}\n` });
    console.log(
      `  ${office.name}: SMTP ${smtp}, POP3 ${pop3}; ${people.map((person) => `${person}@example.org`).join(', ')}; password: the name`,
    );
  }
  const state = { over: false };
  process.once('SIGINT', () => {
    state.over = true;
  });
  while (!state.over) {
    for (const office of network.offices.values()) await office.sync();
    await sleep(SYNC_EVERY_MS);
  }
}
