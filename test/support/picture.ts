/** Pictures that a camera or a screen could have made, of any size. */
import { crc32, deflateSync } from 'node:zlib';
import encodeJpeg, { init } from '@jsquash/jpeg/encode.js';
import { wasmOf } from '../../hub/picture-wasm.ts';

/** Fields, a sky and some grain: red on the left half of its upper edge, so that one sees which way it is turned. */
function pixels(width: number, height: number): CodecPixels {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) {
      const grain = (x * 7_919 + y * 104_729 + x * y) % 23;
      const isMark = y < height / 8 && x < width / 2;
      const at = (y * width + x) * 4;
      data[at] = isMark ? 230 : 100 + 60 * Math.sin(x / 50) + grain;
      data[at + 1] = isMark ? 20 : 80 + (60 * y) / height + grain;
      data[at + 2] = isMark ? 20 : 120;
      data[at + 3] = 255;
    }
  return { data, width, height };
}

/** `orientation`: how a camera was held, as Exif says it. */
export async function jpeg(width: number, height: number, orientation?: number): Promise<Buffer> {
  await init(wasmOf('jpegEncoder'), { print: () => undefined, printErr: () => undefined });
  const bytes = Buffer.from(await encodeJpeg(pixels(width, height), { quality: 90 }));
  if (orientation === undefined) return bytes;
  const tiff = Buffer.from(`4d4d002a00000008000101120003000000010000000000000000`, 'hex');
  tiff.writeUInt16BE(orientation, 18);
  const exif = Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), tiff]);
  const head = Buffer.from([0xff, 0xe1, 0, 0]);
  head.writeUInt16BE(exif.length + 2, 2);
  return Buffer.concat([bytes.subarray(0, 2), head, exif, bytes.subarray(2)]);
}

export function png(width: number, height: number): Buffer {
  const { data } = pixels(width, height);
  const rows = Array.from({ length: height }, (_, y) =>
    Buffer.concat([Buffer.of(0), Buffer.from(data.subarray(y * width * 4, (y + 1) * width * 4))]),
  );
  return pngOf(width, height, deflateSync(Buffer.concat(rows)));
}

/** `packed`: its pixels, or what says that it is. */
export function pngOf(width: number, height: number, packed: Uint8Array): Buffer {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 6, 0, 0, 0], 8);
  const chunks = [chunk('IHDR', head), chunk('IDAT', packed), chunk('IEND', Buffer.alloc(0))];
  return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), ...chunks]);
}

function chunk(type: string, content: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), content]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}
