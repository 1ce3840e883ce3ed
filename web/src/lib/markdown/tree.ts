// From markdown-it's flat list of tokens (CommonMark with tables and strikethrough) to the tree of nodes.ts.
import type { Token } from 'markdown-it';

import type { Align, Block, Inline } from './nodes';

const SAFE_LINK = /^(https?:|mailto:)/i;

/** Reads tokens from `at` on; what it returns ends before the closing token that belongs to its caller. */
class Reader {
  private at = 0;
  constructor(private readonly tokens: readonly Token[]) {}

  get more(): boolean {
    return this.at < this.tokens.length;
  }

  blocksUntil(closing: string): Block[] {
    const blocks: Block[] = [];
    for (let token = this.next(); token !== undefined && token.type !== closing; token = this.next()) {
      const block = this.block(token);
      if (block !== null) blocks.push(block);
    }
    return blocks;
  }

  block(token: Token): Block | null {
    switch (token.type) {
      case 'paragraph_open':
        return { type: token.hidden ? 'tight' : 'paragraph', children: this.inlineUntil('paragraph_close') };
      case 'heading_open':
        return {
          type: 'heading',
          level: Number(token.tag.slice(1)),
          children: this.inlineUntil('heading_close'),
        };
      case 'fence':
        return { type: 'code', language: languageOfFence(token.info), text: token.content };
      case 'code_block':
        return { type: 'code', language: '', text: token.content };
      case 'math_block':
        return { type: 'math', tex: token.content };
      case 'math_open': // not closed yet
        return { type: 'paragraph', children: [{ type: 'text', text: token.content }] };
      case 'footnote_open':
        return { type: 'note', label: token.content, blocks: this.blocksUntil('footnote_close') };
      case 'blockquote_open':
        return { type: 'quote', blocks: this.blocksUntil('blockquote_close') };
      case 'bullet_list_open':
        return { type: 'list', ordered: false, start: 1, items: this.items('bullet_list_close') };
      case 'ordered_list_open': {
        const start = Number(token.attrGet('start') ?? 1);
        return { type: 'list', ordered: true, start, items: this.items('ordered_list_close') };
      }
      case 'table_open':
        return this.table();
      case 'hr':
        return { type: 'rule' };
      default:
        return null;
    }
  }

  next(): Token | undefined {
    return this.tokens[this.at++];
  }

  private items(closing: string): Block[][] {
    const items: Block[][] = [];
    for (let token = this.next(); token !== undefined && token.type !== closing; token = this.next()) {
      if (token.type === 'list_item_open') items.push(this.blocksUntil('list_item_close'));
    }
    return items;
  }

  private table(): Block {
    const align: Align[] = [];
    const rows: Inline[][][] = [];
    for (let token = this.next(); token !== undefined && token.type !== 'table_close'; token = this.next()) {
      if (token.type === 'tr_open') rows.push([]);
      if (token.type !== 'th_open' && token.type !== 'td_open') continue;
      if (token.type === 'th_open') align.push(alignOf(token));
      rows.at(-1)?.push(this.inlineUntil(token.type.replace('open', 'close')));
    }
    const [head = [], ...body] = rows;
    return { type: 'table', align, head, rows: body };
  }

  private inlineUntil(closing: string): Inline[] {
    let children: Inline[] = [];
    for (let token = this.next(); token !== undefined && token.type !== closing; token = this.next()) {
      if (token.type === 'inline') children = inlineOf(token.children ?? []);
    }
    return children;
  }
}

export function treeOf(tokens: readonly Token[]): Block[] {
  return new Reader(tokens).blocksUntil('');
}

interface Open {
  readonly type: 'strong' | 'em' | 'del' | 'link' | 'plain';
  readonly href: string;
  readonly children: Inline[];
}

function inlineOf(tokens: readonly Token[]): Inline[] {
  const root: Inline[] = [];
  const stack: Open[] = [];
  const put = (node: Inline): void => {
    if (node.type === 'text' && node.text === '') return;
    const into = stack.at(-1)?.children ?? root;
    const last = into.at(-1);
    if (node.type === 'text' && last?.type === 'text') {
      into[into.length - 1] = { type: 'text', text: last.text + node.text };
    } else {
      into.push(node);
    }
  };
  for (const token of tokens) {
    if (token.nesting === 1) {
      stack.push(opened(token));
    } else if (token.nesting === -1) {
      const open = stack.pop();
      if (open !== undefined) closed(open).forEach(put);
    } else {
      put(leaf(token));
    }
  }
  return root;
}

const OPENERS: Readonly<Record<string, 'strong' | 'em' | 'del'>> = {
  strong_open: 'strong',
  em_open: 'em',
  s_open: 'del',
};

function opened(token: Token): Open {
  const href = token.type === 'link_open' ? (String(token.attrGet('href') ?? '')) : '';
  const type = SAFE_LINK.test(href) ? 'link' : (OPENERS[token.type] ?? 'plain');
  return { type, href, children: [] };
}

function closed({ type, href, children }: Open): Inline[] {
  if (type === 'plain') return children;
  return type === 'link' ? [{ type, href, children }] : [{ type, children }];
}

function leaf(token: Token): Inline {
  switch (token.type) {
    case 'code_inline':
      return { type: 'code', text: token.content };
    case 'softbreak':
      return { type: 'text', text: '\n' };
    case 'hardbreak':
      return { type: 'break' };
    case 'math':
      return { type: 'math', tex: token.content, display: (token.meta as { display: boolean }).display };
    case 'footnote_mark':
      return { type: 'mark', label: token.content };
    case 'image':
      return imageLink(token);
    default:
      return { type: 'text', text: token.content };
  }
}

/** An image would be fetched from a foreign host as soon as it is shown; a link waits for the user. */
function imageLink(token: Token): Inline {
  const href = String(token.attrGet('src') ?? '');
  const text = token.content === '' ? href : token.content;
  const label: Inline = { type: 'text', text };
  return SAFE_LINK.test(href) ? { type: 'link', href, children: [label] } : label;
}

function alignOf(token: Token): Align {
  const match = /text-align:(left|center|right)/.exec(String(token.attrGet('style') ?? ''));
  return (match?.[1] as Align | undefined) ?? null;
}

function languageOfFence(info: string): string {
  return /^[^\s{,]+/.exec(info.trim())?.[0]?.slice(0, 40) ?? '';
}
