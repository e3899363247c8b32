/** People take their mail away at random moments, so that what comes twice is seen as twice. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pop3Client } from '../support/pop3-client.ts';
import { filesOf, type OfficeSite, readMaildir } from '../support/sites.ts';
import type { Chance } from './chance.ts';
import type { Tally } from './tally.ts';
import { PASSWORD, PEOPLE, type World } from './world.ts';

export interface Reading {
  readonly world: World;
  readonly tally: Tally;
  readonly chance: Chance;
  readonly over: AbortSignal;
}

export async function read(reading: Reading): Promise<void> {
  await Promise.all(
    reading.world.offices.flatMap((office) => {
      const [byMaildir, byPop3] = PEOPLE[office.name] ?? ['', ''];
      const fetched = new Set<string>();
      return [
        visit(reading, () => takeFiles(reading.tally, office, byMaildir)),
        visit(reading, () => fetchByPop3(reading.tally, office, { person: byPop3, fetched })),
      ];
    }),
  );
}

async function visit({ chance, over }: Reading, look: () => Promise<void>): Promise<void> {
  while (!over.aborted) {
    await look();
    await sleep(chance.between(200, 2_500));
  }
}

async function takeFiles(tally: Tally, office: OfficeSite, person: string): Promise<void> {
  const folder = join(office.data, 'users', person);
  if ((await filesOf(join(folder, 'new'))).length === 0) return;
  for (const { path, bytes } of await readMaildir(folder)) {
    tally.arrive(`${office.name}/${person}`, bytes);
    await rm(path);
  }
}

/** As mail programs do: it remembers by its UIDL what it has, for the session may break off before the deletion. */
async function fetchByPop3(
  tally: Tally,
  office: OfficeSite,
  { person, fetched }: { readonly person: string; readonly fetched: Set<string> },
): Promise<void> {
  const address = office.served?.listen.pop3;
  if (address === undefined) return;
  const [client, answer] = await Pop3Client.logIn(address, person, PASSWORD);
  try {
    if (!answer.startsWith('+OK')) return;
    const uidls = (await client.ask('UIDL')).split('\n').filter(Boolean);
    for (const line of uidls) {
      const [number, uid = ''] = line.split(' ');
      if (!fetched.has(uid)) {
        const text = await whole(client, `RETR ${number}`);
        if (text === undefined) return;
        fetched.add(uid);
        tally.arrive(`${office.name}/${person}`, Buffer.from(text, 'latin1'));
      }
      if (!(await client.say(`DELE ${number}`)).startsWith('+OK')) return;
    }
    await client.say('QUIT');
  } catch (error) {
    // The session broke off: what was not whole comes again.
    if (!(error as Error).message.includes('closed')) throw error;
  } finally {
    client.hangUp();
  }
}

/** Undefined when the session broke off in the middle. */
async function whole(client: Pop3Client, command: string): Promise<string | undefined> {
  if (!(await client.say(command)).startsWith('+OK')) return undefined;
  const lines: string[] = [];
  for (;;) {
    const line = await client.line();
    if (line === 'closed') return undefined;
    if (line === '.') return `${lines.join('\n')}\n`;
    lines.push(line.replace(/^\./, ''));
  }
}
