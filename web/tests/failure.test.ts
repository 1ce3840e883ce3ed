import { describe, expect, it } from 'vitest';

import { failureOfResponse } from '../src/lib/api/failure';

const body = (code: string | null, message = 'm'): string => JSON.stringify({ error: { message, code } });

describe('failureOfResponse', () => {
  it.each([
    [400, body('context_length_exceeded'), 'context_length'],
    [503, body('model_loading'), 'loading'],
    [503, body('server_busy'), 'busy'],
    [503, body('server_stopping'), 'stopping'],
    [503, '', 'loading'],
    [429, body('rate_limit_exceeded'), 'busy'],
    [401, body('invalid_api_key'), 'unauthorized'],
    [404, body('model_not_found'), 'no_model'],
    [404, body('not_found'), 'missing'],
    [409, body('conflict'), 'conflict'],
    [429, body('insufficient_quota'), 'quota'],
    [415, body('unsupported_attachment'), 'unsupported_file'],
    [400, body(null), 'rejected'],
    [413, '<html>', 'too_large'],
    [500, body(null), 'server'],
    [502, 'Bad gateway', 'server'],
  ])('%i %s is %s', (status, text, kind) => {
    expect(failureOfResponse(status, text).kind).toBe(kind);
  });

  it('passes on the sentence of the server, shortened, and nothing that is none', () => {
    expect(failureOfResponse(400, body(null, '2048 of 3000 tokens')).detail).toBe('2048 of 3000 tokens');
    expect(failureOfResponse(500, '<html>secret</html>').detail).toBe('');
    expect(failureOfResponse(400, '{"error":"x"}').detail).toBe('');
    expect(failureOfResponse(400, 'null').detail).toBe('');
    expect(failureOfResponse(400, body(null, 'x'.repeat(9000))).detail.length).toBeLessThan(1000);
  });
});
