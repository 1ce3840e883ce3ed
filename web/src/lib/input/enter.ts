// When does Enter send? With an input method (IME) the browsers do not agree on what they report for one press:
//
//   Hangul, Chrome on macOS/Windows   keydown(229, composing) · compositionend · keydown(13)
//   Hangul, some versions             keydown(229, composing) · compositionend, and nothing more
//   Hangul, Safari                    compositionend · keydown(229, no longer composing) · a line break by beforeinput
//   Hangul, Firefox                   keydown(229, composing) · compositionend · a line break by beforeinput
//   Japanese, Chinese                 the Enter that picks a candidate: the same keydown(229), before or after
//                                     compositionend, and it must not send
//
// The physical meaning differs by script. A Hangul composition has no candidates to pick: Enter both commits the
// last syllable and is an Enter, so one press must send exactly once. In other scripts Enter ends the composition
// and is used up. So: watch what is being composed, let a Hangul Enter wait until its text is committed, and treat
// everything else that the same press still reports as already done.

/** The fields of a KeyboardEvent that matter here. */
export interface KeyPress {
  readonly key: string;
  readonly code: string;
  readonly keyCode: number;
  readonly isComposing: boolean;
  readonly shiftKey: boolean;
  readonly ctrlKey: boolean;
  readonly altKey: boolean;
  readonly metaKey: boolean;
  readonly repeat: boolean;
  readonly timeStamp: number;
}

/** Whether the caller must prevent the event's default action. */
export type Verdict = 'allow' | 'prevent';

export interface EnterOptions {
  /** Sends the text. Called at most once for one press of Enter, when the text is final. */
  readonly send: () => void;
  /** False where Enter is a line break only (touch keyboards). */
  readonly enabled: () => boolean;
  /** Runs `task` after the events that are already under way; replaced in tests. */
  readonly later?: (task: () => void) => void;
  /** The clock of Event.timeStamp, ms; replaced in tests. */
  readonly now?: () => number;
}

// Reports of one press follow each other within a few milliseconds; a second deliberate press takes longer.
const SAME_PRESS_MS = 80;

const HANGUL_AT_END =
  /[\u1100-\u11FF\u3130-\u318F\uA960-\uA97F\uAC00-\uD7A3\uD7B0-\uD7FF\uFFA0-\uFFDC]$/;

function isEnter(press: KeyPress): boolean {
  if (press.key === 'Enter') return true;
  // While an IME works on the key its name may be hidden; the physical key is not.
  return press.keyCode === 229 && (press.code === 'Enter' || press.code === 'NumpadEnter');
}

export class EnterToSend {
  private composing = false;
  private composed = '';
  /** A Hangul Enter came while its syllable was still being composed. */
  private waiting = false;
  /** When the current press of Enter was dealt with (sent or used up by the IME), else null. */
  private doneAt: number | null = null;
  /** A press of Enter is under way that may still ask for a line break. */
  private plainPress = false;

  constructor(private readonly options: EnterOptions) {}

  compositionStart(): void {
    this.composing = true;
    this.composed = '';
    this.waiting = false;
    this.doneAt = null;
  }

  compositionUpdate(data: string): void {
    this.composed = data;
  }

  compositionEnd(data: string): void {
    this.composing = false;
    this.composed = data;
    if (!this.waiting) return;
    if (!HANGUL_AT_END.test(data)) {
      this.waiting = false;
      if (data !== '') this.doneAt = this.now(); // the press picked a Hanja
      return;
    }
    // The text is in place by now, but a keydown or line break of the same press may still follow: whichever comes
    // first sends, the rest finds nothing waiting.
    (this.options.later ?? ((task) => setTimeout(task, 0)))(() => this.sendWaiting());
  }

  keyDown(press: KeyPress): Verdict {
    if (!isEnter(press) || !this.options.enabled()) return 'allow';
    const plain = !(press.shiftKey || press.ctrlKey || press.altKey || press.metaKey);
    this.plainPress = plain;
    if (!plain) return 'allow';

    if (this.doneAt !== null) {
      if (press.repeat || press.timeStamp - this.doneAt < SAME_PRESS_MS) return 'prevent';
      this.doneAt = null; // its keyup was lost
    }
    if (press.isComposing || this.composing) {
      if (HANGUL_AT_END.test(this.composed)) this.waiting = true;
      else this.doneAt = press.timeStamp; // it picks a candidate
      return 'allow'; // the IME needs the key
    }
    if (press.keyCode === 229 && !HANGUL_AT_END.test(this.composed)) {
      this.doneAt = press.timeStamp; // Safari: it picked a candidate, reported after compositionend
      return 'allow';
    }
    if (press.repeat) return 'prevent';
    this.waiting = false;
    this.send(press.timeStamp);
    return 'prevent';
  }

  /** A line break that the browser is about to insert (beforeinput: insertLineBreak, insertParagraph). */
  lineBreak(timeStamp: number): Verdict {
    if (!this.options.enabled() || !this.plainPress) return 'allow';
    if (this.doneAt !== null || this.composing) return 'prevent'; // done, or compositionEnd sends
    this.waiting = false;
    this.send(timeStamp);
    return 'prevent';
  }

  keyUp(press: KeyPress): void {
    if (!isEnter(press)) return;
    this.doneAt = null;
    this.plainPress = false;
  }

  private now(): number {
    return this.options.now?.() ?? performance.now();
  }

  private sendWaiting(): void {
    if (!this.waiting) return;
    this.waiting = false;
    this.send(this.now());
  }

  private send(timeStamp: number): void {
    this.doneAt = timeStamp;
    this.composed = '';
    this.options.send();
  }
}
