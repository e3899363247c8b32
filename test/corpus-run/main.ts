/**
 * `npm run corpus -- FOLDER|MBOX [--store s3] [--door qmtp] [--kill] [--json FILE]`: carries real mail through real
 * processes, both ways. Exit code 0 only if every mail arrived once, with its own bytes.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from '../../tools/build.ts';
import { readMails } from '../support/mails.ts';
import { Network } from '../support/network.ts';
import { carry } from './carry.ts';
import { Kills } from './kills.ts';
import { printReport, report } from './report.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    store: { type: 'string', default: 'folder' },
    door: { type: 'string', default: 'smtp' },
    kill: { type: 'boolean', default: false },
    json: { type: 'string' },
    minutes: { type: 'string', default: '15' },
  },
});
const { store, door } = values;
const [path] = positionals;
if (!path || (door !== 'smtp' && door !== 'qmtp') || (store !== 'folder' && store !== 's3')) {
  console.error(
    'usage: npm run corpus -- FOLDER|MBOX [--store folder|s3] [--door smtp|qmtp] [--kill] [--json FILE] [--minutes N]',
  );
  process.exit(64);
}

await build();
const mails = await readMails(path);
console.log(
  `${mails.length} mails of ${path}: Internet to offices and offices to Internet, by ${door}, store: ${store}`,
);
const folder = await mkdtemp(join(tmpdir(), 'fieldpost-corpus-'));
const network = await Network.open({ folder, store });
try {
  const kills = values.kill ? new Kills(network) : undefined;
  const progress = progressLine();
  const carried = await carry(network, mails, {
    door,
    secondsMax: Number(values.minutes) * 60,
    progress,
    ...(kills ? { kills } : {}),
  });
  await network.close();
  const found = report(network, carried, { mails: mails.length, door, store, killed: kills?.done ?? [] });
  printReport(found);
  if (values.json) await writeFile(values.json, `${JSON.stringify(found, null, 2)}\n`);
  process.exitCode = found.ok ? 0 : 1;
  if (found.ok) await rm(folder, { recursive: true });
  else console.log(`everything is left in ${folder}`);
} finally {
  await network.close();
}

/** One line that is written over on a terminal, a line at each tenth elsewhere. */
function progressLine(): (came: number, wanted: number) => void {
  let tenth = -1;
  return (came, wanted) => {
    const part = wanted === 0 ? 10 : Math.floor((came * 10) / wanted);
    if (process.stdout.isTTY) process.stdout.write(`\r${came} of ${wanted} arrived${came === wanted ? '\n' : ''}`);
    else if (part !== tenth) console.log(`${came} of ${wanted} arrived`);
    tenth = part;
  };
}
