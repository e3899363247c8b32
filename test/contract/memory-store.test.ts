/** The store that tests of faults work on keeps the contract, too: what they find would be worth little otherwise. */
import { textBody } from '../../shared/io/body.ts';
import { Disk, Session } from '../support/faulty-store.ts';
import { storeContract } from './store-contract.ts';

for (const staging of ['apart', 'in place'] as const)
  storeContract(`in memory, staging ${staging}`, staging, async () => {
    const disk = new Disk(staging);
    return {
      store: new Session(disk),
      stageAndDie: async (key, text) => {
        const session = new Session(disk);
        await session.stage(key, textBody(text));
        session.kill();
      },
      isMemory: true,
      close: async () => {},
    };
  });
