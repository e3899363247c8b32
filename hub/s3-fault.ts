/** What an S3 server's error means, and what to do about it. Never holds a credential: the SDK's own texts may. */
import { StoreError } from '../shared/io/store.ts';

interface Fault {
  readonly name: string;
  readonly code: string;
  /** HTTP status, or 0 without an answer. */
  readonly status: number;
}

function faultOf(error: unknown): Fault {
  const {
    name = '',
    code,
    Code,
    $metadata,
  } = error as {
    name?: string;
    code?: unknown;
    Code?: unknown;
    $metadata?: { httpStatusCode?: number };
  };
  return { name, code: String(code ?? Code ?? ''), status: $metadata?.httpStatusCode ?? 0 };
}

/** `If-None-Match: *` found an object. */
export const isTaken = (error: unknown): boolean => faultOf(error).status === 412;
/** Two conditional writes met. */
export const isConflict = (error: unknown): boolean => faultOf(error).status === 409;
/** A range of an object that has no bytes. */
export const isNoRange = (error: unknown): boolean => faultOf(error).status === 416;

/** A server without conditional writes refuses them by one of these; a plain write has worked a moment before. */
export const isUnsupported = (error: unknown): boolean =>
  error instanceof StoreError && [400, 405, 501].includes(faultOf(error.cause).status);

/** The server's own word for it: any web server says 404. */
export const isMissingKey = (error: unknown): boolean => faultOf(error).name === 'NoSuchKey';

/** By the name of the error, else by its code, else by its status. */
const MEANINGS: Readonly<Record<string, string>> = {
  NoSuchBucket: 'there is no such bucket; make it, or correct [store] bucket',
  InvalidBucketName: 'that is no name of a bucket; correct [store] bucket',
  InvalidAccessKeyId: 'the access key is not known there; correct the credentials',
  SignatureDoesNotMatch: 'the secret key does not fit the access key; correct the credentials',
  ExpiredToken: 'the credentials have expired; renew them',
  AccessDenied: 'access is denied; allow this access key to get, put, delete and list objects there',
  Forbidden: 'access is denied; allow this access key to get, put, delete and list objects there',
  QuotaExceeded: 'the quota of the bucket is used up; raise it or free some space',
  RequestTimeTooSkewed: "this machine's clock is wrong; set it",
  AuthorizationHeaderMalformed: 'the region is wrong; correct [store] region',
  PermanentRedirect: 'the bucket is in another region or at another endpoint; correct [store] region and endpoint',
  CredentialsProviderError: 'no credentials are found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
  BrokenOff: 'the connection broke in the middle of an answer; see whether it is up',
  TimeoutError: 'it does not answer; see whether it is up, and whether a firewall is between',
  ECONNREFUSED: 'nothing listens there; see whether it is up, or correct [store] endpoint',
  ECONNRESET: 'the connection broke; see whether it is up',
  EPIPE: 'the connection broke; see whether it is up',
  ENOTFOUND: 'there is no such host; correct [store] endpoint',
  EAI_AGAIN: "the host's name cannot be looked up now; see whether DNS works",
  ETIMEDOUT: 'it does not answer; see whether it is up, and whether a firewall is between',
  EHOSTUNREACH: 'there is no way to the host; see whether the network is up',
  ENETUNREACH: 'there is no way to the host; see whether the network is up',
  EPROTO: 'it does not speak TLS there; correct https or http in [store] endpoint',
  301: 'the bucket is in another region or at another endpoint; correct [store] region and endpoint',
  403: 'access is denied; allow this access key to get, put, delete and list objects there',
  404: 'what answers there knows no such bucket; correct [store] bucket and endpoint',
  501: 'it cannot do what a store needs; take another S3 server',
};

/** One clear sentence: where, why, the remedy, and what was to be done. */
export function s3Fault(
  error: unknown,
  { what, where }: { readonly what: string; readonly where: string },
): StoreError {
  const { name, code, status } = faultOf(error);
  const signs = [name, code, String(status)];
  const meaning = signs.map((sign) => MEANINGS[sign]).find(Boolean) ?? meaningOf(status, error);
  const shown = signs.filter((sign) => /^[A-Za-z0-9_]{3,40}$/.test(sign) && sign !== 'Error');
  return new StoreError(`${where}: ${meaning} (${[...new Set(shown)].join(' ')}; it was to ${what})`, { cause: error });
}

function meaningOf(status: number, error: unknown): string {
  if (status >= 500 || status === 429) return 'the server has trouble or too much to do; try again later';
  if (error instanceof SyntaxError || status === 200)
    return 'what answers there is no S3 server; correct [store] endpoint';
  if (status >= 400) return 'the server refuses the request';
  return 'the request failed; see whether the server is up, and [store] endpoint';
}
