import { beforeEach, describe, expect, it } from 'vitest';

import { EnterToSend, type KeyPress } from '../src/lib/input/enter';

// A composer as the browser sees it: `text` is what the field holds, `sent` what was sent.
class Field {
  text = '';
  sent: string[] = [];
  time = 1000;
  touch = false;
  private tasks: (() => void)[] = [];
  readonly enter = new EnterToSend({
    send: () => {
      if (this.text === '') return;
      this.sent.push(this.text);
      this.text = '';
    },
    enabled: () => !this.touch,
    later: (task) => this.tasks.push(task),
    now: () => this.time,
  });
  private committed = '';

  compose(...states: string[]): this {
    this.enter.compositionStart();
    this.committed = this.text;
    for (const state of states) this.update(state);
    return this;
  }
  update(state: string): this {
    this.enter.compositionUpdate(state);
    this.text = this.committed + state;
    return this;
  }
  commit(data: string): this {
    this.text = this.committed + data;
    this.enter.compositionEnd(data);
    return this;
  }
  /** A keydown of Enter; inserts the line break where the browser would go on to do so. */
  down(over: Partial<KeyPress> = {}, inserts = over.keyCode !== 229): this {
    this.time += 2;
    const press = { ...PRESS, timeStamp: this.time, ...over };
    if (this.enter.keyDown(press) === 'allow' && inserts) this.lineBreak();
    return this;
  }
  ime(over: Partial<KeyPress> = {}): this {
    return this.down({ keyCode: 229, isComposing: true, ...over });
  }
  lineBreak(): this {
    this.time += 1;
    if (this.enter.lineBreak(this.time) === 'allow') this.text += '\n';
    return this;
  }
  up(): this {
    this.time += 60;
    this.enter.keyUp({ ...PRESS, timeStamp: this.time });
    return this;
  }
  /** What was put off runs. */
  settle(): this {
    const tasks = this.tasks;
    this.tasks = [];
    for (const task of tasks) task();
    return this;
  }
}

const PRESS: KeyPress = {
  key: 'Enter',
  code: 'Enter',
  keyCode: 13,
  isComposing: false,
  shiftKey: false,
  ctrlKey: false,
  altKey: false,
  metaKey: false,
  repeat: false,
  timeStamp: 0,
};

let field: Field;
beforeEach(() => {
  field = new Field();
});

const expectSent = (...texts: string[]): void => {
  field.settle();
  expect(field.sent).toEqual(texts);
  expect(field.text).toBe('');
};

describe('plain typing', () => {
  it('sends once for one press, however long it is held', () => {
    field.text = 'hello';
    field.down().down({ repeat: true }).down({ repeat: true }).up();
    expectSent('hello');
  });

  it('breaks the line with Shift+Enter and leaves other modifiers alone', () => {
    field.text = 'a';
    field.down({ shiftKey: true }).up();
    expect(field.text).toBe('a\n');
    field.down({ ctrlKey: true }, false).down({ altKey: true }, false).down({ metaKey: true }, false);
    expect(field.sent).toEqual([]);
  });

  it('sends again for the next press, also when the keyup was lost', () => {
    field.text = 'a';
    field.down();
    field.time += 300;
    field.text = 'b';
    field.down().up();
    expectSent('a', 'b');
  });

  it('breaks the line on touch keyboards', () => {
    field.touch = true;
    field.text = 'a';
    field.down().up();
    expect(field.text).toBe('a\n');
    expect(field.sent).toEqual([]);
  });

  it('lets a line break through that no key asked for (dictation)', () => {
    field.text = 'a';
    field.lineBreak();
    expect(field.text).toBe('a\n');
  });
});

describe('Hangul: one press commits the last syllable and sends the whole message exactly once', () => {
  beforeEach(() => {
    field.text = '안녕하세';
    field.compose('ㅇ', '요');
  });

  it('keydown, compositionend, keydown (Chrome on macOS and Windows)', () => {
    field.ime().commit('요').down().settle().up();
    expectSent('안녕하세요');
  });

  it('the second keydown comes late, after what was put off', () => {
    field.ime().commit('요').settle().down().up();
    expectSent('안녕하세요');
  });

  it('keydown, compositionend and nothing more', () => {
    field.ime().commit('요').settle().up();
    expectSent('안녕하세요');
  });

  it('the key is named Process (Windows)', () => {
    field.ime({ key: 'Process' }).commit('요').down().settle().up();
    expectSent('안녕하세요');
  });

  it('keydown, compositionend, line break (Firefox)', () => {
    field.ime().commit('요').lineBreak().settle().up();
    expectSent('안녕하세요');
  });

  it('the line break comes late', () => {
    field.ime().commit('요').settle().lineBreak().up();
    expectSent('안녕하세요');
  });

  it('compositionend, keydown 229, line break (Safari)', () => {
    field.commit('요').ime({ isComposing: false }).lineBreak().settle().up();
    expectSent('안녕하세요');
  });

  it('compositionend, keydown 229, keydown 13', () => {
    field.commit('요').ime({ isComposing: false }).down().settle().up();
    expectSent('안녕하세요');
  });

  it('compositionend, keydown 13', () => {
    field.commit('요').down().settle().up();
    expectSent('안녕하세요');
  });

  it('both keydowns before compositionend', () => {
    field.ime().down().commit('요').settle().up();
    expectSent('안녕하세요');
  });

  it('keyup before compositionend', () => {
    field.ime().up().commit('요').settle().down();
    expectSent('안녕하세요');
  });

  it('the key is held down', () => {
    field.ime().commit('요').down().down({ repeat: true }).settle().down({ repeat: true }).up();
    expectSent('안녕하세요');
  });

  it('a lone consonant is Hangul too', () => {
    field.commit('요').compose('ㅋ').ime().commit('ㅋ').down().up();
    expectSent('안녕하세요ㅋ');
  });

  it('Shift+Enter commits and breaks the line', () => {
    field.ime({ shiftKey: true }).commit('요').down({ shiftKey: true }).settle().up();
    expect(field.sent).toEqual([]);
    expect(field.text).toBe('안녕하세요\n');
  });

  it('Enter that picks a Hanja does not send, the next one does', () => {
    field.ime().update('要').commit('要').settle().down().up();
    expect(field.sent).toEqual([]);
    field.down().up();
    expectSent('안녕하세要');
  });

  it('the next message is composed and sent as the first was', () => {
    field.ime().commit('요').down().settle().up();
    field.compose('ㄴ', '네').ime().commit('네').down().settle().up();
    expectSent('안녕하세요', '네');
  });

  it('committing without Enter sends nothing', () => {
    field.commit('요').settle();
    expect(field.sent).toEqual([]);
    expect(field.text).toBe('안녕하세요');
  });
});

describe.each([
  ['Japanese', 'にほ', '日本'],
  ['Chinese', 'ni hao', '你好'],
])('%s: the Enter that picks a candidate does not send', (_, typed, picked) => {
  const expectKept = (): void => {
    field.settle();
    expect(field.sent).toEqual([]);
    expect(field.text).toBe(picked);
    field.down().up();
    expectSent(picked);
  };

  it('keydown, compositionend (Chrome, Firefox)', () => {
    field.compose(typed, picked).ime().commit(picked).up();
    expectKept();
  });

  it('compositionend, keydown 229 (Safari)', () => {
    field.compose(typed, picked).commit(picked).ime({ isComposing: false }).up();
    expectKept();
  });

  it('a keydown that is reported twice', () => {
    field.compose(typed, picked).ime().commit(picked).down().up();
    expectKept();
  });

  it('a line break that is asked for nevertheless', () => {
    field.compose(typed, picked).ime().commit(picked).lineBreak().up();
    expectKept();
  });
});
