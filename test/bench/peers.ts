/** Everybody, in the order of the table. */
import type { Peer } from './peer.ts';
import { fieldpost } from './peers/fieldpost.ts';

export const PEERS: readonly Peer[] = [fieldpost];
