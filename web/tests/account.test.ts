import { describe, expect, it } from 'vitest';

import { outcomeOf } from '../src/lib/api/account';

describe('the outcome of signing in', () => {
  it('tells apart what people can do something about', () => {
    expect(outcomeOf(200)).toBe('done');
    expect(outcomeOf(204)).toBe('done');
    expect(outcomeOf(401)).toBe('wrong');
    expect(outcomeOf(403)).toBe('denied');
    expect(outcomeOf(429)).toBe('too_many');
    expect(outcomeOf(400)).toBe('failed');
    expect(outcomeOf(503)).toBe('failed');
  });
});
