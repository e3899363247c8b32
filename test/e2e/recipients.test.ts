/** Three hundred people of three offices: the mail is kept three times and travels three times. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { forward } from '../../hub/forward.ts';
import { deriveAdminToken, loadMasterSecret } from '../../hub/office-key.ts';
import { Network, OFFICES } from '../support/network.ts';
import { NO_FILES } from '../support/no-files.ts';
import { filesOf } from '../support/sites.ts';
import { SmtpSession } from '../support/smtp-client.ts';

const PER_OFFICE = 100;

let folder: string;
let network: Network;
const people = OFFICES.flatMap((office) =>
  Array.from({ length: PER_OFFICE }, (_, index) => ({ office, person: `${office}${index}` })),
);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fieldpost-recipients-'));
  network = await Network.open({ folder, store: 'folder' });
  const token = deriveAdminToken(await loadMasterSecret(join(network.hub.folder, 'hub.secret')));
  // As the command line does it, without a new process for each.
  for (const { office, person } of people) {
    const call = {
      positionals: [`${person}@example.org`, office],
      options: {},
      json: false,
      out: () => {},
      ...NO_FILES,
      readFile: noFile,
    };
    expect(await forward(network.hub.daemon.listen.admin ?? '', token, { words: 'user add', call })).toBe(0);
  }
});

const noFile = (path: string): Promise<Buffer> => Promise.reject(new Error(`nobody asked for ${path}`));

afterAll(async () => {
  await network?.close();
  await rm(folder, { recursive: true });
});

test('three entries at the hub, three mails on links, three hundred copies in mailboxes', async () => {
  const session = await SmtpSession.open(network.hub.daemon.address('smtp'));
  const to = people.map(({ person }) => `${person}@example.org`);
  const wire = Buffer.from(
    'From: director@example.com\r\nMessage-ID: <all@example.com>\r\nSubject: to all\r\n\r\nHello.\r\n',
  );
  expect(await session.send({ from: 'director@example.com', to, wire })).toMatchObject({ code: 250 });
  await session.close();

  const waiting = await Promise.all(
    OFFICES.map((office) => filesOf(join(network.hub.folder, 'store/office', office, 'new'))),
  );
  expect(waiting.map((files) => files.length)).toEqual([1, 1, 1]);

  for (const office of network.offices.values())
    expect((await office.sync()).line).toMatchObject({ ok: true, down: { mails: 1 } });
  for (const { office, person } of people) expect(await network.offices.get(office)?.mailbox(person)).toHaveLength(1);
});

test('nobody sees who else got it', async () => {
  const [copy] = (await network.offices.get('herat')?.mailbox('herat7')) ?? [];
  expect(copy?.bytes.toString().match(/^Delivered-To:.*$/gm)).toEqual([
    expect.stringMatching(/^Delivered-To: herat7@/),
  ]);
});
