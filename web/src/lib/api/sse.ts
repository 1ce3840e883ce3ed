// Server-sent events, read incrementally: HTML Living Standard, 9.2.6 "Interpreting an event stream".

export interface SseEvent {
  /** The `event:` field; "message" where there was none. */
  readonly type: string;
  /** The `data:` lines joined by line feeds. */
  readonly data: string;
  /** The last `id:` seen so far, in this event or before. */
  readonly id: string;
}

export class SseLimitError extends Error {}

const LINE_END = /\r\n|\r|\n/g;

/** Takes the bytes of one stream, cut anywhere, and gives the events that became complete. */
export class SseParser {
  private readonly decoder = new TextDecoder('utf-8'); // drops a leading byte order mark
  private rest = '';
  private type = '';
  private data: string[] = [];
  private size = 0;
  private id = '';

  /** @param limit most UTF-16 units one event may hold; a stream that passes it throws SseLimitError. */
  constructor(private readonly limit = 4 * 1024 * 1024) {}

  push(bytes: Uint8Array): SseEvent[] {
    return this.take(this.decoder.decode(bytes, { stream: true }));
  }

  private take(text: string): SseEvent[] {
    const events: SseEvent[] = [];
    const input = this.rest + text;
    let start = 0;
    LINE_END.lastIndex = 0;
    for (let end = LINE_END.exec(input); end !== null; end = LINE_END.exec(input)) {
      // A carriage return at the very end may be the first half of CR LF: wait for what follows.
      if (end[0] === '\r' && LINE_END.lastIndex === input.length) break;
      const event = this.line(input.slice(start, end.index));
      if (event !== null) events.push(event);
      start = LINE_END.lastIndex;
    }
    this.rest = input.slice(start);
    if (this.size + this.rest.length > this.limit) throw new SseLimitError();
    return events;
  }

  private line(line: string): SseEvent | null {
    if (line === '') return this.dispatch();
    const colon = line.indexOf(':');
    if (colon === 0) return null; // a comment, sent to keep the connection alive
    const field = colon < 0 ? line : line.slice(0, colon);
    const raw = colon < 0 ? '' : line.slice(colon + 1);
    const value = raw.startsWith(' ') ? raw.slice(1) : raw;
    if (field === 'data') {
      this.data.push(value);
      this.size += value.length + 1;
      if (this.size > this.limit) throw new SseLimitError();
    } else if (field === 'event') {
      this.type = value;
    } else if (field === 'id' && !value.includes('\0')) {
      this.id = value;
    }
    return null;
  }

  private dispatch(): SseEvent | null {
    const { type, data } = this;
    this.type = '';
    this.data = [];
    this.size = 0;
    if (data.length === 0) return null;
    return { type: type === '' ? 'message' : type, data: data.join('\n'), id: this.id };
  }
}
