/**
 * Makes a picture small: at most so many pixels a side, as a JPEG, turned upright, and without what a camera writes into it.
 * Runs in the thread (parts-thread.ts), since a picture can be made to take minutes; how many pixels it has is looked at before
 * anything is decoded.
 */
import decodeJpeg, { init as initJpegDecoder } from '@jsquash/jpeg/decode.js';
import encodeJpeg, { init as initJpegEncoder } from '@jsquash/jpeg/encode.js';
import decodePng, { init as initPngDecoder } from '@jsquash/png/decode.js';
import { wasmOf } from './picture-wasm.ts';

/** The longest side of a small picture. */
export const SMALL_PIXELS = 1_024;
const QUALITY = 60;
/** A picture of so many takes about 250 MB for a moment. */
const PIXELS_MAX = 26_000_000;
/** What is not smaller by this stays as it is. */
const WORTH = 0.8;

/** The small picture, or why there is none. */
export type Shrunk = { readonly bytes: Uint8Array } | { readonly why: string };

export interface PictureSize {
  readonly kind: 'jpeg' | 'png';
  readonly width: number;
  readonly height: number;
}

/** By its first bytes, whatever its name says; undefined for what is no JPEG or PNG. */
export function pictureSize(bytes: Uint8Array): PictureSize | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.length >= 24 && view.subarray(0, 8).equals(PNG)) return pngSize(view);
  if (view.length >= 4 && view.readUInt16BE(0) === 0xffd8) return jpegSize(view);
  return undefined;
}

const PNG = Buffer.from('89504e470d0a1a0a', 'hex');

const pngSize = (view: Buffer): PictureSize => ({
  kind: 'png',
  width: view.readUInt32BE(16),
  height: view.readUInt32BE(20),
});

/** ITU T.81, B.1 and B.2: segments, up to the first that begins a frame (SOF). */
function jpegSize(view: Buffer): PictureSize | undefined {
  for (let at = 2; at + 9 <= view.length; ) {
    const marker = view.readUInt16BE(at);
    if (marker < 0xff01) return undefined;
    const isFrame = marker >= 0xffc0 && marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker);
    if (isFrame) return { kind: 'jpeg', height: view.readUInt16BE(at + 5), width: view.readUInt16BE(at + 7) };
    // Fill bytes may stand before a marker.
    at += marker === 0xffff ? 1 : 2 + view.readUInt16BE(at + 2);
  }
  return undefined;
}

export async function shrinkPicture(bytes: Uint8Array): Promise<Shrunk> {
  const size = pictureSize(bytes);
  if (!size) return { why: 'it is no JPEG or PNG' };
  const pixels = size.width * size.height;
  if (pixels === 0) return { why: 'it is damaged' };
  if (pixels > PIXELS_MAX) return { why: `it has more than ${PIXELS_MAX / 1e6} million pixels` };
  try {
    const small = await encode(shrink(await decode(bytes, size)));
    return small.length < bytes.length * WORTH ? { bytes: small } : { why: 'it is small already' };
  } catch {
    // A codec tells no more, and throws other things than Errors.
    return { why: 'it is damaged' };
  }
}

interface Pixels {
  /** Red, green, blue and opacity of each. */
  readonly data: Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

/** The codec's complaints about a picture are not for the hub's log. */
const QUIET = { print: () => undefined, printErr: () => undefined };

async function decode(bytes: Uint8Array, { kind }: PictureSize): Promise<Pixels> {
  const buffer = Uint8Array.from(bytes).buffer;
  if (kind === 'png') {
    await initPngDecoder(wasmOf('png'));
    return decodePng(buffer);
  }
  await initJpegDecoder(wasmOf('jpegDecoder'), QUIET);
  return decodeJpeg(buffer, { preserveOrientation: true });
}

async function encode(pixels: Pixels): Promise<Uint8Array> {
  await initJpegEncoder(wasmOf('jpegEncoder'), QUIET);
  return new Uint8Array(await encodeJpeg(pixels, { quality: QUALITY }));
}

/**
 * Each pixel is the mean of those that it stands for, on white where they are transparent. A library for it takes the whole
 * picture into a memory of its own once more.
 */
function shrink({ data, width, height }: Pixels): Pixels {
  const factor = Math.min(1, SMALL_PIXELS / Math.max(width, height));
  const [wide, high] = [Math.max(1, Math.round(width * factor)), Math.max(1, Math.round(height * factor))];
  const out = new Uint8ClampedArray(wide * high * 4);
  for (let y = 0; y < high; y += 1) {
    const rows = span(y, high, height);
    for (let x = 0; x < wide; x += 1)
      out.set(mean(data, width, { rows, columns: span(x, wide, width) }), (y * wide + x) * 4);
  }
  return { data: out, width: wide, height: high };
}

type Span = readonly [from: number, to: number];

/** What the pixel at `index` of `count` stands for, of `of`. */
const span = (index: number, count: number, of: number): Span => {
  const from = Math.floor((index * of) / count);
  return [from, Math.max(from + 1, Math.floor(((index + 1) * of) / count))];
};

function mean(
  data: Uint8ClampedArray,
  width: number,
  { rows, columns }: { readonly rows: Span; readonly columns: Span },
): readonly number[] {
  let [red, green, blue] = [0, 0, 0];
  for (let y = rows[0]; y < rows[1]; y += 1)
    for (let at = (y * width + columns[0]) * 4; at < (y * width + columns[1]) * 4; at += 4) {
      const opacity = (data[at + 3] ?? 255) / 255;
      const white = 255 * (1 - opacity);
      red += (data[at] ?? 0) * opacity + white;
      green += (data[at + 1] ?? 0) * opacity + white;
      blue += (data[at + 2] ?? 0) * opacity + white;
    }
  const count = (rows[1] - rows[0]) * (columns[1] - columns[0]);
  return [red / count, green / count, blue / count, 255];
}
