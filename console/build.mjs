// Bundles the page into the folder that the gateway serves, or, with --tests, the tests for Node.
// Names carry a hash of the content, so that a browser may keep them for ever.
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
const common = {
  absWorkingDir: here,
  bundle: true,
  format: 'esm',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  logLevel: 'warning',
  target: 'es2022',
};

if (process.argv.includes('--tests')) {
  const tests = readdirSync(path.join(here, 'test')).filter((name) => name.endsWith('.test.ts'));
  rmSync(path.join(here, 'built_tests'), { recursive: true, force: true });
  await build({
    ...common,
    entryPoints: tests.map((name) => path.join('test', name)),
    outdir: 'built_tests',
    platform: 'node',
  });
} else {
  await bundlePage(path.join(here, '../src/realtime_switch/gateway/built_page'));
}

async function bundlePage(folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const keep = (name, content) => {
    const { name: stem, ext } = path.parse(name);
    const hash = createHash('sha256').update(content).digest('hex').slice(0, 12);
    writeFileSync(path.join(folder, `${stem}-${hash}${ext}`), content);
    return `/page/${stem}-${hash}${ext}`;
  };
  const bundle = async (entry, define = {}) => {
    const made = await build({ ...common, define, entryPoints: [entry], minify: true, write: false, outdir: 'out' });
    return made.outputFiles[0].contents;
  };
  const worklets = {
    RECORDER_URL: JSON.stringify(keep('recorder.js', await bundle('src/sound/recorder.worklet.ts'))),
    PLAYER_URL: JSON.stringify(keep('player.js', await bundle('src/sound/player.worklet.ts'))),
  };
  const icon = keep('icon.svg', readFileSync(path.join(here, 'src/icon.svg')));
  const script = keep('page.js', await bundle('src/main.tsx', worklets));
  const style = keep('page.css', await bundle('src/page.css'));
  const index = readFileSync(path.join(here, 'src/index.html'), 'utf8');
  writeFileSync(
    path.join(folder, 'index.html'),
    index.replace('ICON', icon).replace('STYLE', style).replace('SCRIPT', script),
  );
}
