/**
 * A process that works on a folder store and is killed in the middle: `stage ROOT KEY TEXT` stages and kills itself;
 * `put ROOT` writes 8 MB values to `w/0`, `w/1`, … and prints the number of each once it is durable.
 */
import { bytesBody, textBody } from '../../shared/io/body.ts';
import { openFsStore } from '../../shared/io/fs-store.ts';

const [what, root = '', key = '', text = ''] = process.argv.slice(2);
const store = await openFsStore(root);
if (what === 'stage') {
  await store.stage(key, textBody(text));
  process.kill(process.pid, 'SIGKILL');
}
for (let n = 0; ; n++) {
  await store.put(`w/${n}`, bytesBody(Buffer.alloc(8_000_000, n)));
  process.stdout.write(`${n}\n`);
}
