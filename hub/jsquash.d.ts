/** What is used of the picture codecs; their own types need those of a browser. */
interface CodecPixels {
  readonly data: Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}
interface CodecSays {
  print(text: string): void;
  printErr(text: string): void;
}
/** A compiled codec. */
interface Wasm {
  readonly wasm: never;
}
declare module '@jsquash/jpeg/decode.js' {
  export function init(module: Wasm, says: CodecSays): Promise<void>;
  function decode(bytes: ArrayBuffer, options: { preserveOrientation: boolean }): Promise<CodecPixels>;
  // biome-ignore lint/style/noDefaultExport: what the package exports
  export default decode;
}
declare module '@jsquash/jpeg/encode.js' {
  export function init(module: Wasm, says: CodecSays): Promise<void>;
  function encode(pixels: CodecPixels, options: { quality: number }): Promise<ArrayBuffer>;
  // biome-ignore lint/style/noDefaultExport: what the package exports
  export default encode;
}
declare module '@jsquash/png/decode.js' {
  export function init(module: Wasm): Promise<unknown>;
  function decode(bytes: ArrayBuffer): Promise<CodecPixels>;
  // biome-ignore lint/style/noDefaultExport: what the package exports
  export default decode;
}
/** As far as it is used; the types of Node have it only as types. */
// biome-ignore lint/style/noNamespace: it is one
declare namespace WebAssembly {
  const Module: new (bytes: Uint8Array) => Wasm;
}
