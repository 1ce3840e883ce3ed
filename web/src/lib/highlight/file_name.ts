// The name under which a block of code is downloaded.

const ENDINGS: Readonly<Record<string, string>> = {
  bash: 'sh', c: 'c', 'c++': 'cpp', cpp: 'cpp', csharp: 'cs', css: 'css', csv: 'csv', dart: 'dart', diff: 'diff',
  elixir: 'ex', go: 'go', graphql: 'graphql', haskell: 'hs', html: 'html', ini: 'ini', java: 'java', javascript: 'js',
  js: 'js', json: 'json', jsx: 'jsx', kotlin: 'kt', latex: 'tex', lua: 'lua', markdown: 'md', md: 'md', mermaid: 'mmd',
  perl: 'pl', php: 'php', powershell: 'ps1', py: 'py', python: 'py', r: 'r', ruby: 'rb', rust: 'rs', scala: 'scala',
  sh: 'sh', shell: 'sh', sql: 'sql', svelte: 'svelte', svg: 'svg', swift: 'swift', toml: 'toml', ts: 'ts', tsx: 'tsx',
  typescript: 'ts', vue: 'vue', xml: 'xml', yaml: 'yaml', yml: 'yml', zsh: 'sh',
};

export function fileName(language: string): string {
  const name = language.toLowerCase();
  if (name === 'dockerfile' || name === 'docker') return 'Dockerfile';
  if (name === 'makefile' || name === 'make') return 'Makefile';
  return `code.${Object.hasOwn(ENDINGS, name) ? ENDINGS[name] : 'txt'}`;
}
