/** The codecs of pictures as their packages have them. In the built program this file is another one, which holds them itself (tools/build.ts). */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** Where each lies. */
export const WASM_FILES = {
  jpegDecoder: '@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm',
  jpegEncoder: '@jsquash/jpeg/codec/enc/mozjpeg_enc.wasm',
  png: '@jsquash/png/codec/pkg/squoosh_png_bg.wasm',
} as const;

const resolve = createRequire(import.meta.filename).resolve;

export const wasmOf = (name: keyof typeof WASM_FILES): Wasm =>
  new WebAssembly.Module(readFileSync(resolve(WASM_FILES[name])));
