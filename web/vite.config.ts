import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import { svelte } from '@sveltejs/vite-plugin-svelte';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

// `npm run dev` serves the page with hot reload and passes everything else to a running `dure serve`.
const server = process.env.DURE_URL ?? 'http://127.0.0.1:8080';
const require = createRequire(import.meta.url);

/**
 * The sandboxed document that draws diagrams (frame/): it may load nothing, so all it needs stands in it.
 */
function diagramFrame(): Plugin {
  const read = (file: string): string => readFileSync(file, 'utf8');
  const own = (name: string): string => read(new URL(`frame/${name}`, import.meta.url).pathname);
  // What would end or nest a script element inside of a string literal.
  const script = (source: string): string =>
    source.replace(/<(\/script|script)/gi, (_, tag: string) => `\\x3c${tag}`).replaceAll('<!--', '\\x3c!--');
  const page = (): string =>
    own('diagram.html')
      .replace('<style></style>', () => `<style>${own('diagram.css')}</style>`)
      .replace('<script></script>', () =>
        [read(require.resolve('@mermaid-js/tiny')), own('diagram.js')]
          .map((source) => `<script>${script(source)}</script>`)
          .join('\n'),
      );
  return {
    name: 'diagram-frame',
    generateBundle() {
      this.emitFile({ type: 'asset', fileName: 'frame/diagram.html', source: page() });
    },
    configureServer({ middlewares }) {
      middlewares.use('/frame/diagram.html', (_request, response) => {
        response.setHeader('content-type', 'text/html; charset=utf-8');
        response.end(page());
      });
    },
  };
}

/** KaTeX offers each font in three formats; every browser that runs this page takes the smallest. */
function onlyWoff2(): Plugin {
  return {
    name: 'only-woff2',
    enforce: 'pre',
    transform: (code, id) =>
      /katex.*\.css/.test(id)
        ? { code: code.replace(/,\s*url\([^)]*\.(woff|ttf)\)\s*format\("\w+"\)/g, ''), map: null }
        : null,
  };
}

export default defineConfig({
  plugins: [onlyWoff2(), svelte(), diagramFrame()],
  build: {
    target: 'es2022',
    cssTarget: ['chrome123', 'firefox121', 'safari17.5'],
    // The page's Content-Security-Policy allows no data: scripts or styles.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { '/v1': server, '/api': server, '/ready': server } },
  preview: { proxy: { '/v1': server, '/api': server, '/ready': server } },
  test: { include: ['tests/**/*.test.ts'], environment: 'node' },
});
