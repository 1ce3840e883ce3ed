// Whether the server can answer now: asked slowly while all is well, quickly while it is not.
import { fetchInfo, fetchReadiness, type ServerInfo } from './server';

export type ConnectionState =
  | 'unknown' // the first question has not been answered yet
  | 'ready'
  | 'loading' // the server is there and reads the model
  | 'no_model'
  | 'failed' // the model could not be loaded
  | 'stopping'
  | 'signed_out' // the server is there and asks who this is
  | 'unreachable';

const CALM_MS = 5000;
const EAGER_MS = 1000;

export class Connection {
  state = $state<ConnectionState>('unknown');
  info = $state.raw<ServerInfo | null>(null);
  /** True for a while after the server was away and is back. */
  restored = $state(false);

  private timer: ReturnType<typeof setTimeout> | undefined;
  private restoredTimer: ReturnType<typeof setTimeout> | undefined;
  private checking: Promise<void> | null = null;

  private who: string | null = null;

  /**
   * @param onReady called whenever the server became ready (at first and after every absence).
   * @param onAccount called when it is known who is signed in (null: nobody), and when that has changed.
   */
  constructor(
    private readonly onReady: () => void,
    private readonly onAccount: (account: string | null) => void,
  ) {}

  /** Starts asking; returns what stops it. */
  start(): () => void {
    const wake = (): void => void this.check();
    const visible = (): void => {
      if (!document.hidden) wake();
    };
    window.addEventListener('online', wake);
    window.addEventListener('offline', wake);
    document.addEventListener('visibilitychange', visible);
    wake();
    return () => {
      clearTimeout(this.timer);
      clearTimeout(this.restoredTimer);
      window.removeEventListener('online', wake);
      window.removeEventListener('offline', wake);
      document.removeEventListener('visibilitychange', visible);
    };
  }

  /** Asks anew, as if nothing were known: somebody has signed in or out. */
  async restart(): Promise<void> {
    await this.checking;
    if (this.state === 'ready') this.state = 'unknown';
    await this.check();
  }

  /** Asks now, e.g. because a request has just failed. */
  check(): Promise<void> {
    this.checking ??= this.ask().finally(() => {
      this.checking = null;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.again(), this.state === 'ready' ? CALM_MS : EAGER_MS);
    });
    return this.checking;
  }

  private again(): void {
    // A hidden page in good state asks nothing; it asks when it is looked at again.
    if (document.hidden && this.state === 'ready') return;
    void this.check();
  }

  private async ask(): Promise<void> {
    const readiness = await fetchReadiness();
    const first = this.state === 'unknown';
    const signedOut = this.state === 'signed_out';
    if (readiness === 'unreachable') return this.enter('unreachable', null);
    if (readiness === 'ready' && this.state === 'ready') return;
    const info = await fetchInfo();
    if (info !== null) this.learn(info);
    if (info?.status === 'signed_out') return this.enter('signed_out', info);
    if (readiness === 'ready' && info?.status !== 'no_model') {
      this.enter('ready', info);
      this.onReady();
      if (!first && !signedOut) this.announceRestored();
      return;
    }
    this.enter(stateOf(info), info);
  }

  private enter(state: ConnectionState, info: ServerInfo | null): void {
    this.state = state;
    this.info = info;
    this.restored = false;
  }

  private learn(info: ServerInfo): void {
    const who = info.status === 'signed_out' ? '' : `${info.mode}/${info.account}`;
    this.info = info;
    if (who === this.who) return;
    this.who = who;
    this.onAccount(who === '' ? null : who);
  }

  private announceRestored(): void {
    this.restored = true;
    clearTimeout(this.restoredTimer);
    this.restoredTimer = setTimeout(() => (this.restored = false), 4000);
  }
}

function stateOf(info: ServerInfo | null): ConnectionState {
  switch (info?.status) {
    case 'no_model':
    case 'failed':
    case 'stopping':
      return info.status;
    default:
      return 'loading';
  }
}
