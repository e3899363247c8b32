/**
 * `npm run build`: each program as one file, dist/hub.cjs and dist/agent.cjs. CommonJS, because bundled as ES modules the
 * network libraries die at start ("Dynamic require"). Beside each lie the lists of what it contains and of the licences of that.
 */
import { chmod, mkdir, rename, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build as bundle, type Plugin } from 'esbuild';
import { WASM_FILES } from '../hub/picture-wasm.ts';
import { contentsOf } from './contents.ts';
import { licencesOf } from './licences.ts';
import { ROOT, version } from './project.ts';

export const PROGRAMS = ['hub', 'agent'] as const;
export type ProgramName = (typeof PROGRAMS)[number];

/** Oldest Node that has all that the programs use: zstd with dictionaries. */
const NODE_MAJOR_LEAST = 24;

/** First statement of a bundle: an older Node would fail later, in a way that helps nobody. */
const guard = (name: ProgramName): string =>
  `if(+process.versions.node.split('.')[0]<${NODE_MAJOR_LEAST}){console.error('${name}: needs Node ${NODE_MAJOR_LEAST} or newer, this is '+process.version+'; the Debian package brings its own');process.exit(69)}`;

/** The program is one file: it holds the codecs that hub/picture-wasm.ts reads from their packages. */
const WASM_INSIDE: Plugin = {
  name: 'wasm inside',
  setup: ({ onLoad }) => {
    onLoad({ filter: /\/hub\/picture-wasm\.ts$/ }, () => ({
      contents: [
        ...Object.entries(WASM_FILES).map(([name, path]) => `import ${name} from '${path}';`),
        `const files = { ${Object.keys(WASM_FILES).join(', ')} };`,
        'export const wasmOf = (name) => new WebAssembly.Module(files[name]);',
      ].join('\n'),
      resolveDir: `${ROOT}hub`,
    }));
  },
};

async function buildProgram(name: ProgramName, folder: string): Promise<number> {
  const result = await bundle({
    absWorkingDir: ROOT,
    entryPoints: [`${name}/main.ts`],
    outfile: `${folder}/${name}.cjs`,
    bundle: true,
    write: false,
    minify: true,
    platform: 'node',
    target: `node${NODE_MAJOR_LEAST}`,
    format: 'cjs',
    legalComments: 'eof',
    metafile: true,
    // A thread of the program runs the program's own file.
    define: { 'import.meta.filename': '__filename', FIELDPOST_VERSION: JSON.stringify(await version()) },
    loader: { '.wasm': 'binary' },
    plugins: [WASM_INSIDE],
    // The codecs ask where they lie, and are told what they hold instead.
    logOverride: { 'empty-import-meta': 'silent' },
    logLevel: 'warning',
    banner: { js: `/* Fieldpost ${name} ${await version()}, Apache-2.0 */\n${guard(name)}` },
  });
  const [output] = result.outputFiles;
  if (!output) throw new Error(`esbuild made nothing of ${name}/main.ts`);
  // Under another name first: a program that starts meanwhile finds the old file or the new one, never half of one.
  const written = `${output.path}.${process.pid}`;
  await writeFile(written, output.contents);
  await chmod(written, 0o755);
  await rename(written, output.path);
  const inputs = Object.keys(result.metafile.inputs);
  await writeFile(`${folder}/${name}.licences.txt`, await licencesOf(inputs));
  await writeFile(`${folder}/${name}.contents.txt`, await contentsOf(inputs));
  return output.contents.byteLength;
}

/** Builds both programs into `folder`; answers the size of each in bytes. */
export async function build(folder = `${ROOT}dist`): Promise<Readonly<Record<ProgramName, number>>> {
  await mkdir(folder, { recursive: true });
  const [hub, agent] = await Promise.all(PROGRAMS.map((name) => buildProgram(name, folder)));
  return { hub: hub ?? 0, agent: agent ?? 0 };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const sizes = await build();
  for (const name of PROGRAMS) console.log(`dist/${name}.cjs  ${(sizes[name] / 1000).toFixed(0)} KB`);
}
