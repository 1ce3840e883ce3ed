// Search over what this browser keeps: every word must occur; no index, a few thousand messages are read in milliseconds.
import type { Conversation, Hit, Message, Piece } from '../api/types';

const BEFORE = 24;
const LENGTH = 120;

export function searchIn(
  text: string,
  conversations: readonly Conversation[],
  messagesOf: (id: string) => readonly Message[],
): Hit[] {
  const words = folded(text).split(/\s+/).filter(Boolean);
  if (words.length === 0) return [];
  const matches = (value: string): boolean => {
    const within = folded(value);
    return words.every((word) => within.includes(word));
  };
  return conversations.flatMap((conversation): Hit[] => {
    const message = messagesOf(conversation.id).findLast(({ content }) => matches(content));
    if (message === undefined && !matches(conversation.title)) return [];
    return [
      {
        conversation,
        message_id: message?.id ?? null,
        role: message?.role ?? '',
        title: marked(conversation.title, words),
        snippet: message === undefined ? [] : marked(excerpt(message.content, words), words),
      },
    ];
  });
}

const folded = (text: string): string => text.normalize('NFC').toLowerCase();

function excerpt(text: string, words: readonly string[]): string {
  const flat = text.normalize('NFC').replace(/\s+/g, ' ');
  const at = Math.max(0, flat.toLowerCase().indexOf(words[0] ?? '') - BEFORE);
  return (at > 0 ? '…' : '') + flat.slice(at, at + LENGTH) + (at + LENGTH < flat.length ? '…' : '');
}

function marked(text: string, words: readonly string[]): Piece[] {
  const escaped = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return text
    .normalize('NFC')
    .split(new RegExp(`(${escaped.join('|')})`, 'gi'))
    .map((piece, index) => ({ text: piece, match: index % 2 === 1 }))
    .filter((piece) => piece.text !== '');
}
