/** What is around the network: the Internet's mail servers, a plain qmail office, and the bucket where there is one. */
import { type CephServer, startCeph } from './ceph.ts';
import { type QmtpPeer, startQmtpPeer } from './qmtp-peer.ts';
import { type SmtpSink, startSmtpSink } from './smtp-sink.ts';

type SinkMail = SmtpSink['mails'][number];

export interface Outside {
  readonly sink: SmtpSink;
  /** When the sink took a mail, Unix milliseconds. */
  takenAt(mail: SinkMail): number;
  readonly ghazni: QmtpPeer;
  /** What a hub needs to keep its mail in a bucket; empty for a folder. */
  readonly bucket: { readonly store?: string; readonly env?: Record<string, string> };
  close(): Promise<void>;
}

export async function openOutside(store: 'folder' | 's3'): Promise<Outside> {
  const ceph = store === 's3' ? await startCeph() : undefined;
  const times = new WeakMap<SinkMail, number>();
  const sink = await startSmtpSink({
    mail: (mail) => {
      times.set(mail, Date.now());
      return undefined;
    },
  });
  const ghazni = await startQmtpPeer({ answer: () => 'Kok' });
  return {
    sink,
    takenAt: (mail) => times.get(mail) ?? 0,
    ghazni,
    bucket: ceph ? await bucketOf(ceph) : {},
    close: async () => {
      await sink.close();
      await ghazni.close();
      await ceph?.stop();
    },
  };
}

/** The lines of `[store]`, and the credentials where the SDK looks for them. */
async function bucketOf({ endpoint, accessKey, secretKey, makeBucket }: CephServer) {
  return {
    store: `bucket = "${await makeBucket()}"\nendpoint = "${endpoint}"`,
    env: { AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: secretKey },
  };
}
