// Builds the demo page: relative addresses, so that it works in any folder of any host.
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('.', import.meta.url));
const kwta = path.resolve(root, '../../dist/index.js');

const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

/**
 * A kernel keeps the place that it has in the package, so that `kwta page` can serve the package's own.
 * @param {{ originalFileNames: string[] }} asset
 */
function assetFileNames({ originalFileNames: [file = ''] }) {
  const variant = file.match(/wasm\/([\w-]+)\/kwta_bg\.wasm$/)?.[1];
  return variant === undefined ? 'assets/[name]-[hash][extname]' : `wasm/${variant}/kwta_bg.wasm`;
}

const output = { assetFileNames };

/** Optional peers of the package, for files that the page does not read. */
const external = ['@zip.js/zip.js', '@bufbuild/protobuf', '@bufbuild/protobuf/wkt', 'fast-png', 'jpeg-js'];

/** The package apart from the page, so that neither is a long task when the page starts. */
const codeSplitting = {
  groups: [
    { name: 'loading', test: /preload-helper/, priority: 1 },
    {
      name: 'kwta',
      test: (/** @type {string} */ id) =>
        id.startsWith(path.dirname(kwta)) || /[\\/]node_modules[\\/](valibot|comlink|pako)[\\/]/.test(id),
    },
  ],
};

/** Chunks that come with a first call are fetched with the page: the network may be cut when that call comes. */
const preloadChunks = {
  name: 'preload-chunks',
  transformIndexHtml: {
    order: 'post',
    /** @type {(html: string, context: import('vite').IndexHtmlTransformContext) => import('vite').HtmlTagDescriptor[]} */
    handler: (_, { bundle = {} }) =>
      Object.values(bundle)
        .filter((file) => file.type === 'chunk' && !file.isEntry)
        .map(({ fileName }) => ({
          ...{ tag: 'link', injectTo: 'head' },
          attrs: { rel: 'modulepreload', crossorigin: true, href: `./${fileName}` },
        })),
  },
};

export default {
  root,
  plugins: [preloadChunks],
  base: './',
  resolve: { alias: { kwta } },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  server: { headers },
  preview: { headers },
  worker: { format: 'es', rolldownOptions: { external, output } },
  optimizeDeps: { exclude: ['kwta'] },
  build: {
    target: 'es2023',
    // Kernels stay files; nothing is loaded that is not needed.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The package is one chunk here, whatever it loads later elsewhere.
    rolldownOptions: {
      external,
      output: { ...output, codeSplitting },
      checks: { ineffectiveDynamicImport: false, bundlerTimings: false },
    },
  },
};
