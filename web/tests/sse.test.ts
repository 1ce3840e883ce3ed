import { describe, expect, it } from 'vitest';

import { SseLimitError, SseParser, type SseEvent } from '../src/lib/api/sse';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function parse(chunks: readonly Uint8Array[]): SseEvent[] {
  const parser = new SseParser();
  return chunks.flatMap((chunk) => parser.push(chunk));
}

const datas = (text: string): string[] => parse([bytes(text)]).map((event) => event.data);

describe('SseParser', () => {
  it('reads events ended by LF, CR LF and CR', () => {
    expect(datas('data: a\n\ndata: b\r\n\r\ndata: c\r\rdata: d\n\n')).toEqual(['a', 'b', 'c', 'd']);
  });

  it('joins several data lines and takes off one space only', () => {
    expect(datas('data:one\ndata:  two\ndata\ndata: \n\n')).toEqual(['one\n two\n\n']);
  });

  it('ignores comments, unknown fields and events without data', () => {
    expect(datas(': ping\n\nretry: 10\nfoo: x\nevent: e\n\ndata: a\n\n')).toEqual(['a']);
  });

  it('carries type and id as the standard says', () => {
    const events = parse([bytes('id: 7\nevent: delta\ndata: a\n\ndata: b\n\nid\ndata: c\n\n')]);
    expect(events).toEqual([
      { type: 'delta', data: 'a', id: '7' },
      { type: 'message', data: 'b', id: '7' },
      { type: 'message', data: 'c', id: '' },
    ]);
  });

  it('drops a byte order mark and an event that the end of the stream cut off', () => {
    expect(datas('\uFEFFdata: a\n\ndata: lost\n')).toEqual(['a']);
  });

  it('gives the same events however the bytes are cut', () => {
    const stream = bytes(
      'data: {"t":"두레는 함께 🌾"}\r\n\r\n: note\r\nevent: x\rdata: a\r\ndata: b\n\nid: 3\ndata: [DONE]\r\n\r\ndata: z\n\n',
    );
    const whole = parse([stream]);
    expect(whole).toHaveLength(4);
    for (let cut = 0; cut <= stream.length; cut++) {
      expect(parse([stream.slice(0, cut), stream.slice(cut)])).toEqual(whole);
    }
    const single = Array.from(stream, (byte) => Uint8Array.of(byte));
    expect(parse(single)).toEqual(whole);
  });

  it('refuses an endless line and an endless event', () => {
    const line = new SseParser(100);
    expect(() => line.push(bytes('data: ' + 'x'.repeat(200)))).toThrow(SseLimitError);
    const event = new SseParser(100);
    expect(() => event.push(bytes('data: 123456789\n'.repeat(20)))).toThrow(SseLimitError);
    const fine = new SseParser(100);
    expect(fine.push(bytes('data: 123456789\n\n'.repeat(50)))).toHaveLength(50);
  });
});
