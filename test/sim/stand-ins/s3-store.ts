/** For hub/s3-store.ts: a bucket that the world holds. */
import type { Store } from '../../../shared/io/store.ts';
import { openBucket } from '../bucket.ts';

export const openS3Store = async (): Promise<Store> => openBucket();
export const readS3Store = (): Store => openBucket();
