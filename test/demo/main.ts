/**
 * `npm run demo [-- --mail FOLDER|MBOX] [--keep] [--store s3]`: the network of the 2004 text on this machine. Mail goes in at
 * every door while the links are down; then links come up, drop and come up again, until everything has arrived.
 * Exit code 0 only if every mail arrived exactly once, with its own bytes.
 */
import { rm } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { build } from '../../tools/build.ts';
import { ROOT } from '../../tools/project.ts';
import { readMails } from '../support/mails.ts';
import { Network } from '../support/network.ts';
import { Demo } from './demo.ts';
import { queueTable } from './doors.ts';
import { deal } from './flows.ts';
import { keepRunning, printEnd, printNetwork } from './pages.ts';

const { values } = parseArgs({
  options: {
    mail: { type: 'string', default: `${ROOT}test/corpus` },
    store: { type: 'string', default: 'folder' },
    keep: { type: 'boolean', default: false },
  },
});
if (values.store !== 'folder' && values.store !== 's3') {
  console.error('usage: npm run demo [-- --mail FOLDER|MBOX] [--keep] [--store folder|s3]');
  process.exit(64);
}

const folder = `${ROOT}.demo`;
await build();
await rm(folder, { recursive: true, force: true });
const sendings = deal(await readMails(values.mail));
const network = await Network.open({ folder, store: values.store, more: { herat: queueTable(folder) } });
try {
  printNetwork(network, sendings.length, values);
  const demo = new Demo(network, { sendings, folder });
  await demo.fillWhileDown();
  await demo.cutAndResume();
  await demo.letAllUp();
  const ok = printEnd(network, demo);
  process.exitCode = ok ? 0 : 1;
  if (values.keep) await keepRunning(network);
} finally {
  await network.close();
}
