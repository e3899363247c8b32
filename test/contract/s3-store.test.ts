import { inject } from 'vitest';
import { openS3Store } from '../../hub/s3-store.ts';
import { makeBucket, s3Options } from '../support/ceph.ts';
import { storeContract } from './store-contract.ts';

const server = inject('s3');

for (const prefix of ['', 'mail/kabul/'])
  storeContract(`a bucket${prefix && ', below a folder of it'}`, 'in place', async () => ({
    store: await openS3Store({ ...s3Options(server, await makeBucket(server)), prefix }),
    close: async () => {},
  }));
