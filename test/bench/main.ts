/**
 * `npm run bench -- FOLDER [WORDS]`: bytes that the link of an office carries, both ways together, TCP payload: what the table "Beside others"
 * of the README shows. Mails of FOLDER go from herat to the Internet.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from '../../tools/build.ts';
import { readMails, smtpForm, type TestMail } from '../support/mails.ts';
import { Network } from '../support/network.ts';
import { SmtpSession } from '../support/smtp-client.ts';
import { table } from '../support/table.ts';

const SYNCS_MAX = 2000;

interface Result {
  readonly what: string;
  readonly mails: number;
  readonly bytesRaw: number;
  readonly bytesLink: number;
  readonly syncs: number;
  readonly seconds: number;
}

/** A network of its own for each figure: no mail meets another figure's history. */
async function measure(what: string, mails: readonly TestMail[], cutEveryBytes?: number): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'fieldpost-bench-'));
  const network = await Network.open({ folder, store: 'folder' });
  try {
    const herat = network.offices.get('herat');
    const link = network.links.get('herat');
    if (!herat || !link) throw new Error('the network has no herat');
    const session = await SmtpSession.open(herat.daemon.address('smtp'));
    for (const { bytes } of mails)
      await session.send({ from: 'farid@example.org', to: ['friend@example.com'], wire: smtpForm(bytes).wire });
    await session.close();
    const before = network.bytesOnLink('herat');
    const started = Date.now();
    let syncs = 0;
    for (let code = -1; code !== 0; syncs++) {
      if (syncs === SYNCS_MAX) throw new Error(`${what}: no end after ${SYNCS_MAX} syncs`);
      link.every = cutEveryBytes ?? Number.POSITIVE_INFINITY;
      ({ code } = await herat.sync());
    }
    return {
      what,
      mails: mails.length,
      bytesRaw: mails.reduce((sum, { bytes }) => sum + bytes.length, 0),
      bytesLink: network.bytesOnLink('herat') - before,
      syncs,
      seconds: (Date.now() - started) / 1000,
    };
  } finally {
    await network.close();
    await rm(folder, { recursive: true });
  }
}

const [path, words = ''] = process.argv.slice(2);
if (!path) {
  console.error('usage: npm run bench -- FOLDER [WORDS OF A FIGURE]');
  process.exit(64);
}
await build();
const all = await readMails(path);
const small = all.filter(({ bytes }) => bytes.length < 10_000).slice(0, 200);
const first = all.slice(0, 200);
const one = all.find(({ bytes }) => bytes.length > 5_900 && bytes.length < 6_300);
const figures: readonly (readonly [what: string, mails: readonly TestMail[], cutEveryBytes?: number])[] = [
  ['A: the first 200 under 10,000 bytes', small],
  ['C: the first 200 of all', first],
  ['one mail of 6 KB', one ? [one] : []],
  ['nothing to do', []],
  ['A, cut every 64 KB', small, 65_536],
  ['A, cut every 16 KB', small, 16_384],
  ['C, cut every 16 KB', first, 16_384],
];
const results: Result[] = [];
for (const figure of figures.filter(([what]) => what.includes(words))) {
  const result = await measure(...figure);
  console.error(`${result.what}: ${result.bytesLink.toLocaleString('en-US')} bytes`);
  results.push(result);
}
console.log(
  table<Result>(
    [
      ['herat to the Internet', ({ what }) => what],
      ['mails', ({ mails }) => mails],
      ['bytes raw', ({ bytesRaw }) => bytesRaw],
      ['on the link', ({ bytesLink }) => bytesLink],
      ['syncs', ({ syncs }) => syncs],
      ['seconds', ({ seconds }) => seconds],
    ],
    results,
  ),
);
