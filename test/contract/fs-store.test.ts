import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openFsStore } from '../../shared/io/fs-store.ts';
import { storeContract } from './store-contract.ts';

const WRITER = fileURLToPath(new URL('writer-process.ts', import.meta.url));

storeContract('a folder', 'apart', async () => {
  const root = await mkdtemp(join(tmpdir(), 'fieldpost-store-'));
  return {
    store: await openFsStore(root, { owner: 'hub' }),
    stageAndDie: (key, text) =>
      new Promise((resolve, reject) => {
        const child = spawn(process.execPath, [WRITER, 'stage', root, key, text], { stdio: 'inherit' });
        child.on('exit', (_, signal) => (signal === 'SIGKILL' ? resolve() : reject(new Error('it was not killed'))));
      }),
    close: () => rm(root, { recursive: true }),
  };
});
