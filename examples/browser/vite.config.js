// What a page with kwta needs of Vite.

// With these two headers the page may share memory between workers, so that kwta computes on all cores. A real
// server must send them as well; without them kwta runs on one thread.
const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

export default {
  server: { headers },
  preview: { headers },
  // kwta's workers are modules.
  worker: { format: 'es' },
  // Bundled in development, kwta would not find its workers and .wasm files next to itself.
  optimizeDeps: { exclude: ['kwta'] },
};
