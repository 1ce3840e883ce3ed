const LETTERS = 'abcdefghijklmnopqrstuvwxyz234567';

/** `prefix` and 16 letters or digits (80 random bits). crypto.randomUUID exists only on https and localhost. */
export function newId(prefix: 'conv_' | 'msg_'): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return prefix + Array.from(bytes, (byte) => LETTERS[byte % 32]).join('');
}
