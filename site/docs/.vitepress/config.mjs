// The documentation site: pages of docs/, the reference that typedoc wrote into docs/api, and search without a server.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitepress';
import { docs, referenceSidebar, sidebar } from './pages.mjs';

/** The site brings the demo page along where it was built. */
const hasPage = existsSync(fileURLToPath(new URL('../../../dist/page/index.html', import.meta.url)));

export default defineConfig({
  srcDir: docs,
  outDir: fileURLToPath(new URL('../../dist-docs', import.meta.url)),
  // Where the site lies on its host, as `/kwta/` on a host of many projects.
  base: process.env.KWTA_DOCS_BASE ?? '/',
  // Pages lie outside of this folder, and would look for it beside them; what renders them runs here.
  vite: { build: { rollupOptions: { external: ['vue/server-renderer'] } } },
  title: 'kwta',
  description: 'Train k-Winners-Take-All networks in Node and in the browser, and measure honestly how robust they are',
  lang: 'en',
  cleanUrls: false,
  markdown: { theme: { light: 'github-light', dark: 'github-dark' } },
  themeConfig: {
    nav: [
      { text: 'Tutorial', link: '/tutorial-node' },
      { text: 'Guides', link: '/models' },
      { text: 'Recipes', link: '/recipes/' },
      { text: 'Reference', link: '/api/' },
      ...(hasPage ? [{ text: 'Demo page', link: '/demo-page/index.html', target: '_self' }] : []),
    ],
    sidebar: { '/api/': referenceSidebar(), '/': sidebar() },
    outline: [2, 3],
    search: { provider: 'local' },
    socialLinks: [{ icon: 'github', link: 'https://github.com/kwta/kwta' }],
    editLink: {
      // Goes to the page as its text: names of this file mean nothing there.
      pattern: ({ filePath }) =>
        filePath.startsWith('api/')
          ? 'https://github.com/kwta/kwta/tree/main/ts'
          : `https://github.com/kwta/kwta/edit/main/docs/${filePath}`,
    },
    footer: { message: 'MIT or Apache-2.0, as you like.' },
  },
});
