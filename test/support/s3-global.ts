/** One S3 server for all tests of a run; test files ask for it by `inject('s3')`. */
import type { TestProject } from 'vitest/node';
import { type CephServer, type S3Address, startCeph } from './ceph.ts';

declare module 'vitest' {
  interface ProvidedContext {
    s3: S3Address;
  }
}

/** Each group of tests loads this file on its own, so what they share hangs on the process. */
const shared = globalThis as { fieldpostCeph?: { readonly server: Promise<CephServer>; users: number } };

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  shared.fieldpostCeph ??= { server: startCeph(), users: 0 };
  const ceph = shared.fieldpostCeph;
  ceph.users += 1;
  const { endpoint, accessKey, secretKey, stop } = await ceph.server;
  project.provide('s3', { endpoint, accessKey, secretKey });
  return async () => {
    ceph.users -= 1;
    if (ceph.users === 0) await stop();
  };
}
