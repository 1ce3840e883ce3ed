// Packs the built page for the binary: `node pack.mjs DIST OUT` writes
//   OUT/assets.bin        every file and its compressed forms, one after the other
//   OUT/assets_table.cc   where each one lies (the table declared in src/api/app/assets.h)
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const CONTENT_TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
};
const COMPRESSED_ALREADY = new Set(['.png', '.ico', '.woff2']);
// A file keeps a compressed form only when that saves this share of its size.
const WORTH_IT = 0.95;

function filesBelow(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function compressed(bytes, extension) {
  if (COMPRESSED_ALREADY.has(extension)) return { gzip: null, brotli: null };
  const gzip = gzipSync(bytes, { level: 9 });
  const brotli = brotliCompressSync(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  });
  const worth = (candidate) => (candidate.length < bytes.length * WORTH_IT ? candidate : null);
  return { gzip: worth(gzip), brotli: worth(brotli) };
}

function main([dist, out]) {
  const blobs = [];
  let offset = 0;
  const place = (bytes) => {
    if (bytes === null) return '{}';
    blobs.push(bytes);
    offset += bytes.length;
    return `Part(${offset - bytes.length}, ${bytes.length})`;
  };

  const files = filesBelow(dist).map((file) => ({
    file,
    path: '/' + relative(dist, file).split(sep).join('/'),
  }));
  files.sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));

  const rows = files.map(({ file, path }) => {
    const extension = extname(file);
    const type = CONTENT_TYPES[extension];
    if (type === undefined) throw new Error(`no content type is known for ${path}`);
    const bytes = readFileSync(file);
    const etag = createHash('sha256').update(bytes).digest('base64url').slice(0, 22);
    const { gzip, brotli } = compressed(bytes, extension);
    const immutable = path.startsWith('/assets/');
    return (
      `      Asset{${JSON.stringify(path)}, ${JSON.stringify(type)}, "W/\\"${etag}\\"",\n` +
      `            ${place(bytes)}, ${place(gzip)}, ${place(brotli)}, ${immutable}},\n`
    );
  });

  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, 'assets.bin'), Buffer.concat(blobs));
  writeFileSync(
    join(out, 'assets_table.cc'),
    `// Written by web/embed/pack.mjs.
#include <array>

#include "api/app/assets.h"

extern "C" __attribute__((visibility("hidden"))) const std::byte dure_web_assets_blob[];

namespace dure::api::app {
namespace {

std::span<const std::byte> Part(std::size_t offset, std::size_t size) {
  return {dure_web_assets_blob + offset, size};
}

}  // namespace

std::span<const Asset> Assets() {
  static const std::array<Asset, ${rows.length}> kAssets = {
${rows.join('')}  };
  return kAssets;
}

}  // namespace dure::api::app
`,
  );
}

main(process.argv.slice(2));
