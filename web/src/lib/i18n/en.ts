// Every sentence the page shows, in English. ko.ts has the same keys with the same parameters.

export const en = {
  // Landmarks and names that screen readers and tests rely on.
  message: 'Message',
  send: 'Send',
  stop: 'Stop',
  newChat: 'New chat',
  copy: 'Copy',
  you: 'You',
  assistant: 'Assistant',

  // The empty page.
  greeting: 'What shall we work on?',
  about: 'Dure answers with a model that runs on your own machine. Nothing you write leaves it.',
  aboutRemote: (host: string) =>
    `Dure answers with a model that runs on ${host}. What you write goes there and nowhere else.`,
  starters: 'Things to try',
  starter1: 'Explain how rainbows form, in three sentences',
  starter2: 'Write a Python function that finds the longest word in a sentence',
  starter3: 'Draft a short thank-you note to a colleague',
  starter4: 'Give me five ideas for a rainy Sunday',

  // The composer.
  placeholder: 'Ask anything',
  smallPrint: 'Language models make mistakes. Check what matters.',

  // Answers.
  answering: 'Answering',
  answered: 'Done',
  copied: 'Copied',
  copyFailed: 'Copying failed',
  tryAgain: 'Try again',
  stopped: 'You stopped this answer.',
  interrupted: 'This answer was cut short when the page was closed or reloaded.',
  lengthReached: 'The answer reached its length limit.',
  emptyAnswer: 'The model answered with nothing.',
  toLatest: 'To the latest message',
  wrapLines: 'Wrap lines',
  code: 'code',
  download: 'Download',
  diagram: 'Diagram',
  showCode: 'Show the code',
  footnote: (label: string) => `Footnote ${label}`,
  backToMark: (label: string) => `Back to footnote mark ${label}`,
  details: (model: string, tokens: string, rate: string, seconds: string) =>
    [model, tokens && `${tokens} tokens`, rate && `${rate} tokens/s`, `first word after ${seconds} s`]
      .filter(Boolean)
      .join(' · '),

  // Failures.
  failedPartly: 'The answer broke off here.',
  failedUnreachable: 'The connection to the server was lost.',
  failedLoading: 'The model is still being loaded.',
  failedStopping: 'The server is shutting down.',
  failedContext: 'This chat has become longer than the model can read. Start a new chat to go on.',
  failedBusy: 'The server is busy with other requests. Try again in a moment.',
  failedUnauthorized: 'The server asks for permission that this page does not have.',
  failedRejected: 'The server did not accept this message.',
  failedServer: 'Something went wrong on the server.',

  // The connection.
  unreachable: 'The server cannot be reached. Trying again…',
  loading: 'The model is being loaded…',
  loadingShare: (percent: string) => `The model is being loaded… ${percent}`,
  noModel: 'The server was started without a model.',
  modelFailed: 'The model could not be loaded.',
  stopping: 'The server is shutting down.',
  reconnected: 'Connected again.',

  // New chat.
  cleared: 'The previous chat was removed from this browser.',
  undo: 'Undo',
  dismiss: 'Dismiss',

  // Signing in.
  signInTitle: 'Sign in',
  name: 'Name',
  password: 'Password',
  signIn: 'Sign in',
  signingIn: 'Signing in…',
  signOut: (name: string) => `Sign out ${name}`,
  wrongLogin: 'Name and password do not belong together.',
  tooManyTries: 'Too many tries. Wait a moment and try again.',
  signInFailed: 'Signing in did not work. Try again.',
  setUpTitle: 'Make the first account',
  setUpAbout: 'It administers this server. What was written here before belongs to it.',
  setUpNoToken: 'This server has no administrator yet. Open the address that it printed when it started.',
  setUpDenied: 'This address is not the one that the server printed.',
  setUp: 'Make the account',
  passwordRule: 'At least 8 characters.',

  // Settings.
  settings: 'Settings',
  model: 'Model',
  theme: 'Theme',
  themeSystem: 'System',
  themeLight: 'Light',
  themeDark: 'Dark',
  language: 'Language',
  showDetails: 'Show speed under answers',
  skipToComposer: 'Skip to the message field',
};
