// What the user chose for this browser. public/before-paint.js reads the same record.
import { languageOf, type Language } from './i18n/language';

export type Theme = 'system' | 'light' | 'dark';
export type FontSize = 'small' | 'medium' | 'large' | 'huge';

const KEY = 'dure.settings';

interface Stored {
  theme?: Theme;
  language?: Language;
  details?: boolean;
  wrap?: boolean;
  fontSize?: FontSize;
  sidebar?: boolean;
}

function read(): Stored {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? '{}');
    return typeof stored === 'object' && stored !== null ? stored : {};
  } catch {
    return {};
  }
}

class Settings {
  private stored = $state<Stored>(read());

  get theme(): Theme {
    const { theme } = this.stored;
    return theme === 'light' || theme === 'dark' ? theme : 'system';
  }
  set theme(theme: Theme) {
    this.change({ theme });
    this.apply();
  }

  /** The chosen language, else the browser's. */
  get language(): Language {
    return languageOf([String(this.stored.language), ...navigator.languages]);
  }
  set language(language: Language) {
    this.change({ language });
    this.apply();
  }

  /** Whether tokens per second and the like stand under each answer. */
  get details(): boolean {
    return this.stored.details === true;
  }
  set details(details: boolean) {
    this.change({ details });
  }

  /** Whether long lines of code are wrapped. */
  get wrap(): boolean {
    return this.stored.wrap === true;
  }
  set wrap(wrap: boolean) {
    this.change({ wrap });
  }

  get fontSize(): FontSize {
    const { fontSize } = this.stored;
    return fontSize === 'small' || fontSize === 'large' || fontSize === 'huge' ? fontSize : 'medium';
  }
  set fontSize(fontSize: FontSize) {
    this.change({ fontSize });
    this.apply();
  }

  /** Whether the list of chats stands beside the page, where there is room. */
  get sidebar(): boolean {
    return this.stored.sidebar !== false;
  }
  set sidebar(sidebar: boolean) {
    this.change({ sidebar });
  }

  apply(): void {
    const root = document.documentElement;
    if (this.theme === 'system') delete root.dataset.theme;
    else root.dataset.theme = this.theme;
    if (this.fontSize === 'medium') delete root.dataset.size;
    else root.dataset.size = this.fontSize;
    root.lang = this.language;
  }

  private change(part: Stored): void {
    this.stored = { ...this.stored, ...part };
    try {
      localStorage.setItem(KEY, JSON.stringify(this.stored));
    } catch {
      // Storage is switched off: the choice holds until the page is closed.
    }
  }
}

export const settings = new Settings();
