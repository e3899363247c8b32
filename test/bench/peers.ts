/** Everybody, in the order of the table. */
import type { Peer } from './peer.ts';
import { fieldpost } from './peers/fieldpost.ts';
import { mbsync } from './peers/mbsync.ts';
import { NNCP } from './peers/nncp.ts';
import { qmtp, qmtpInSsh } from './peers/qmtp.ts';
import { rsync } from './peers/rsync.ts';
import { smtp } from './peers/smtp.ts';
import { UUCP } from './peers/uucp.ts';

export const PEERS: readonly Peer[] = [fieldpost, ...UUCP, ...NNCP, rsync, mbsync, qmtpInSsh, qmtp, smtp];
